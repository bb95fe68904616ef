"""A site's own chat in a test: on the test's engines, with users of the test's beside its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from ..app import App
from ..auth.authenticator import Authenticator
from ..auth.claims import Identity
from ..auth.tokens import token_of
from ..protocol.errors import Unauthenticated
from ..settings import AuthSettings, Settings, load, overwrite

READ_AT_CREATION = frozenset({"auth", "server", "server_api", "web"})


class TokenLogin(Authenticator):
    """Accepts the tokens of a test, and otherwise the site's own login."""

    def __init__(self, site: Authenticator, secret: str) -> None:
        super().__init__(Settings(auth=AuthSettings(secret=secret)))
        self._site = site

    @property
    def by_hook(self) -> bool:
        """Whether the site's own login is its hook: the page needs to know."""
        return self._site.by_hook

    async def authenticate(self, connection: HTTPConnection) -> Identity:
        """Return the user of a connection. Raises what the site's own login raises."""
        try:
            return await super().verify(token_of(connection))
        except Unauthenticated:
            return await self._site.authenticate(connection)

    async def verify(self, token: str) -> Identity:
        """Return the user of a token. Raises Unauthenticated."""
        try:
            return await super().verify(token)
        except Unauthenticated:
            return await self._site.verify(token)


@contextmanager
def redirected(app: App, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Give the app these settings in addition to its own until the end.

    Raises ValueError for a section that an app reads when it is created.
    """
    if too_late := sorted(READ_AT_CREATION & wanted.keys()):
        raise ValueError(
            f"{', '.join(too_late)}: create_app has read these settings already; chat_client(app=…)"
            " can replace those of the other sections."
        )
    own = msgspec.to_builtins(app.settings)
    asked = load({section: {**own[section], **wanted.get(section, {})} for section in own})
    kept = deepcopy(app.settings)
    overwrite(app.settings, asked)
    try:
        yield
    finally:
        overwrite(app.settings, kept)
