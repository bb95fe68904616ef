"""Names and pictures of users, from the claims of their tokens."""

import logging
from functools import partial

from ..auth.claims import Identity
from ..integrations.hooks import HostProfiles
from ..store import account, profiles
from ..store.store import DatabaseUnavailable, Store

log = logging.getLogger("roomcast.profiles")

MAX_CACHED_PROFILES = 10_000  # users whose stored name and picture this process remembers


class Profiles:
    """Stores a user's name and picture when they change."""

    def __init__(self, store: Store, host_profiles: HostProfiles | None) -> None:
        self._store = store
        self._host_profiles = host_profiles
        self._stored: dict[str, tuple[str | None, str | None]] = {}

    async def of(self, identity: Identity) -> tuple[str | None, str | None]:
        """Return name and picture: of the host's hook, else of the token, else as stored."""
        if self._host_profiles is not None:
            described = await self._host_profiles.of([identity.user_id])
            if profile := described.get(identity.user_id):
                return profile.name, profile.picture
        if (identity.name, identity.picture) != (None, None):
            return identity.name, identity.picture
        stored = await self._store.read(partial(account.profile, user_id=identity.user_id))
        return stored.name, stored.picture

    async def record(self, identity: Identity) -> None:
        """Store the name and picture of this user if they have changed."""
        user_id, claimed = identity.user_id, (identity.name, identity.picture)
        if claimed == (None, None) or self._stored.get(user_id) == claimed:
            return
        store = partial(profiles.see, user_id=user_id, name=identity.name, picture=identity.picture)
        try:
            await self._store.write(store)
        except DatabaseUnavailable as error:
            log.warning("name not stored, the next request will: %s", error)
            return
        if len(self._stored) >= MAX_CACHED_PROFILES:
            self._stored.clear()
        self._stored[user_id] = claimed
