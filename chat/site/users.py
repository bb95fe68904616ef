"""The site's calls about users: it reads, bans, disconnects and erases them."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from functools import partial

from ...integrations import audit
from ...protocol.errors import InvalidFrame, TooLong
from ...protocol.ids import is_clean
from ...store import profiles, stats
from ...store.bans import Ban
from ...store.store import Store
from ..account.erasure import Erasures
from ..account.export import ExportLine, lines
from ..attachments.service import Attachments
from ..bans import Bans
from ..revocations import Revocations
from .records import StatsRecord, UserRecord, stats_of, user_record

MAX_FIELD_LENGTHS = {"name": 200, "picture": 2_000, "email": 320, "language": 35}  # characters
MAX_REASON_LENGTH = 1_000
STATS_DAYS = 30


class SiteUsers:
    """Calls of the site about users."""

    def __init__(
        self,
        store: Store,
        attachments: Attachments,
        bans: Bans,
        revocations: Revocations,
        erasures: Erasures,
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._bans = bans
        self._revocations = revocations
        self._erasures = erasures

    async def get(self, user_id: str) -> UserRecord:
        """Return a user. Any id is accepted: an unknown user has no name."""
        profile = await self._store.read(partial(profiles.load, user_id=user_id))
        return user_record(profile, await self._bans.find(user_id))

    async def put(self, user_id: str, fields: Mapping[str, str | None]) -> UserRecord:
        """Set the named fields of a profile. Raises InvalidFrame and TooLong."""
        checked = {name: _checked(name, value) for name, value in fields.items()}
        await self._store.write(partial(profiles.put, user_id=user_id, fields=checked))
        audit.record("user_changed", user_id=user_id, fields=sorted(checked))
        return await self.get(user_id)

    async def ban(self, user_id: str, until: datetime | str | None, reason: str) -> None:
        """Ban the user; open sockets close with 4005, on every process."""
        if len(reason) > MAX_REASON_LENGTH:
            raise TooLong(f"reason: at most {MAX_REASON_LENGTH} characters.")
        if not is_clean(reason):
            raise InvalidFrame("reason: NUL and lone surrogates are not accepted.")
        ban = Ban(None if until is None else _microseconds(until), reason)
        await self._bans.put(user_id, ban)
        await self._revocations.revoke(user_id)
        audit.record("user_banned", user_id=user_id, until=None if until is None else str(until))

    async def unban(self, user_id: str) -> None:
        await self._bans.remove(user_id)
        await self._revocations.announce(user_id)
        audit.record("user_unbanned", user_id=user_id)

    async def disconnect(self, user_id: str) -> None:
        """Close all sockets of the user with 4005, on every process."""
        await self._revocations.revoke(user_id)
        audit.record("user_disconnected", user_id=user_id)

    async def erase(self, user_id: str) -> None:
        """Erase all data of the user; it may continue after this returns."""
        await self._erasures.erase(user_id)
        audit.record("user_erased", user_id=user_id)

    async def export(self, user_id: str, base: str) -> AsyncGenerator[ExportLine, None]:
        """Yield all data of the user, line by line."""
        audit.record("user_exported", user_id=user_id)
        async with aclosing(lines(self._store, user_id, self._attachments.link(base))) as found:
            async for line in found:
                yield line

    async def stats(self, sockets: int) -> StatsRecord:
        now = time.time_ns() // 1000
        return stats_of(
            await self._store.read(partial(stats.load, now=now, days=STATS_DAYS)), sockets
        )


def _checked(name: str, value: str | None) -> str | None:
    """Return the field if it is valid. Raises InvalidFrame and TooLong."""
    if value is None:
        return None
    if not isinstance(value, str) or not is_clean(value):
        raise InvalidFrame(f"{name}: a string is needed.")
    if len(value) > MAX_FIELD_LENGTHS[name]:
        raise TooLong(f"{name}: at most {MAX_FIELD_LENGTHS[name]} characters.")
    if name == "picture" and value and not value.startswith(("https://", "http://")):
        raise InvalidFrame("picture: an http or https address is needed.")
    return value or None


def _microseconds(until: datetime | str) -> int:
    """Convert RFC 3339 text or a datetime to microseconds since 1970, UTC. Raises InvalidFrame."""
    try:
        at = datetime.fromisoformat(until) if isinstance(until, str) else until
    except ValueError:
        raise InvalidFrame("until: a time such as 2026-12-31T23:59:59Z is needed.") from None
    if at.tzinfo is None:
        raise InvalidFrame("until: a time zone is needed, such as Z.")
    return int(at.timestamp() * 1_000_000)
