"""Hooks of the host: approval of texts before they are stored, and profiles of users."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from ..auth.claims import name_of, picture_of
from ..protocol.errors import Internal, Refusal, Unavailable
from ..protocol.events import About
from ..protocol.ids import user_of, wire_user
from .host_events import Listener, of_the_host

log = logging.getLogger("roomcast.hooks")

APPROVAL_TIMEOUT = 10.0  # seconds for a hook that approves
DESCRIPTION_TIMEOUT = 2.0  # the same for names; without an answer, known names are used
PROFILE_TTL = 60.0  # seconds after which a name is loaded again
RETRY_DELAY = 5.0  # seconds until the next call after one without an answer
MAX_CACHED_PROFILES = 10_000  # users whose names are kept
USER_BATCH = 1_000  # users in one call
WRONG_PICTURE = "an address that starts with http:// or https:// is needed."

User = int | str


TextKind = Literal["message", "edit", "title", "context", "file_name", "reaction", "data"]


class Draft(Struct, frozen=True):
    """A text that others will see, before it is stored; `kind` is the kind of the text.

    `message_id` is the message of an edit or a reaction. `room_id` is None for the title and the
    context of a new room.
    """

    room_id: int | None
    sender: User
    text: str
    message_id: int | None = None
    kind: TextKind = "message"


class Profile(NamedTuple):
    """The profile of a user: a name, and the address of a picture."""

    name: str | None = None
    picture: str | None = None


BeforeSend = Callable[[Draft], Awaitable[str]]
"""An async function of a Draft to the text that is stored; it raises a Refusal to refuse."""
DescribeUsers = Callable[[Sequence[User]], Awaitable[Mapping[User, Profile]]]
"""An async function of users' ids to their faces; who is not in the answer has none."""


BeforeOpen = Callable[[User, Sequence[User], str], Awaitable[None]]
"""An async function of the creator, the members and the context; it raises a Refusal to refuse."""


class Pressed(Struct, frozen=True):
    """A press of a button: the user, the button's `id`, the message, and `params`."""

    room_id: int
    message_id: int
    user: User
    id: str
    params: dict[str, Any] | None
    text: str


OnAction = Callable[[Pressed], Awaitable[str | None]]
"""An async function of a Pressed to a reply to its user, or None; it raises a Refusal to refuse."""


DescribeContexts = Callable[[Sequence[str]], Awaitable[Mapping[str, About]]]
"""An async function of rooms' contexts to what they are about; what is not there has nothing."""


class Hooks(Struct, frozen=True):
    """The host's functions that the chat calls."""

    on_event: Listener | None = None
    before_send: BeforeSend | None = None
    describe_users: DescribeUsers | None = None
    before_open: BeforeOpen | None = None
    on_action: OnAction | None = None
    describe_contexts: DescribeContexts | None = None


@asynccontextmanager
async def asked_for_permission(hook: str) -> AsyncIterator[None]:
    """Run a hook that may refuse. Raises its Refusal.

    Raises Unavailable if the host does not answer in time, Internal if the hook fails.
    """
    try:
        async with asyncio.timeout(APPROVAL_TIMEOUT):
            with of_the_host():
                yield
    except Refusal:
        raise
    except TimeoutError:
        log.warning("%s did not answer within %g s.", hook, APPROVAL_TIMEOUT)
        raise Unavailable from None
    except Exception as error:
        log.exception("%s failed", hook)
        raise Internal from error


async def approved(before_send: BeforeSend, draft: Draft) -> str:
    """Return the text that the host approves. Raises Refusal, also without an answer."""
    async with asked_for_permission("before_send"):
        text = await before_send(draft)
    if not isinstance(text, str):
        log.error("before_send answered %s, not a text.", type(text).__name__)
        raise Internal
    return text


async def ask_before_open(
    before_open: BeforeOpen, creator: User, members: Sequence[User], context: str
) -> None:
    """Ask the host before a room is opened. Raises Refusal, also without an answer."""
    async with asked_for_permission("before_open"):
        await before_open(creator, members, context)


async def ask_on_action(on_action: OnAction, pressed: Pressed) -> str | None:
    """Return the host's reply to the user who pressed a button.

    Raises the host's Refusal, Unavailable and Internal; then the press is not stored.
    """
    async with asked_for_permission("on_action"):
        reply = await on_action(pressed)
    if reply is not None and not isinstance(reply, str):
        log.error("on_action answered %s, not a text.", type(reply).__name__)
        raise Internal
    return reply


class CachedProfile(NamedTuple):
    profile: Profile
    until: float


class HostProfiles:
    """The profiles of users, cached from the host's hook."""

    def __init__(self, describe_users: DescribeUsers) -> None:
        self.describe = describe_users
        self.cached: dict[str, CachedProfile] = {}
        self._silent_until = 0.0

    async def of(self, users: Iterable[str]) -> Mapping[str, Profile]:
        """Return profiles by user id, without users whom the host does not know."""
        wanted, now = list(dict.fromkeys(users)), monotonic()
        old = [user for user in wanted if user not in self.cached or self.cached[user].until < now]
        found = {user: self.cached[user].profile for user in wanted if user in self.cached}
        for start in range(0, len(old), USER_BATCH):
            if now < self._silent_until:
                break
            found |= await self._ask(old[start : start + USER_BATCH])
        return {user: profile for user, profile in found.items() if profile != Profile()}

    async def _ask(self, users: list[str]) -> dict[str, Profile]:
        try:
            async with asyncio.timeout(DESCRIPTION_TIMEOUT):
                with of_the_host():
                    described = await self.describe([wire_user(user) for user in users])
            profiles = {user_of(user): _clean(profile) for user, profile in described.items()}
            _warn_of_pictures(described)
        except Exception:
            log.warning("describe_users failed; names keep what was known.", exc_info=True)
            self._silent_until = monotonic() + RETRY_DELAY
            return {}
        loaded = {user: profiles.get(user, Profile()) for user in users}
        self._keep(loaded)
        return loaded

    def _keep(self, loaded: Mapping[str, Profile]) -> None:
        until = monotonic() + PROFILE_TTL
        for user, profile in loaded.items():
            self.cached.pop(user, None)
            self.cached[user] = CachedProfile(profile, until)
        while len(self.cached) > MAX_CACHED_PROFILES:
            del self.cached[next(iter(self.cached))]


def _clean(described: str | Sequence[object]) -> Profile:
    name, picture = (
        (described, None) if isinstance(described, str) else (*described, None, None)[:2]
    )
    return Profile(name_of(name), picture_of(picture))


def _warn_of_pictures(described: Mapping[User, str | Sequence[object]]) -> None:
    """Logs one line for all pictures of an answer that are no addresses, and so are not shown."""
    pictures = {
        user: one[1] for user, one in described.items() if not isinstance(one, str) and len(one) > 1
    }
    wrong = [user for user, one in pictures.items() if one and picture_of(one) is None]
    if wrong:
        log.warning(
            "describe_users: user=%r users=%d error=picture: %s",
            wrong[0],
            len(wrong),
            WRONG_PICTURE,
        )
