"""The subjects of rooms, from the site's hook `describe_contexts`."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from time import monotonic

from ..integrations.hooks import DescribeContexts
from ..integrations.host_events import of_the_host
from ..protocol.errors import Refusal
from ..protocol.events import About
from ..protocol.room_look import about_of
from .about import pack_about

log = logging.getLogger("roomcast.contexts")

ANSWER_TIMEOUT = 2.0  # seconds; without an answer rooms are shown as known before
CACHE_TTL = 60.0  # seconds
RETRY_DELAY = 5.0  # seconds after a failure
MAX_CACHED_CONTEXTS = 10_000  # contexts
CONTEXT_BATCH = 1_000  # contexts in one call


class Contexts:
    """Asks the site and caches its answers for a minute; a failure never breaks a list."""

    def __init__(self, describe: DescribeContexts | None) -> None:
        self._describe = describe
        self._known: dict[str, tuple[About | None, float]] = {}  # and until when it is kept
        self._silent_until = 0.0

    async def describe(self, contexts: Iterable[str]) -> Mapping[str, About]:
        """Return the site's descriptions by context; a context without one is left out."""
        if self._describe is None:
            return {}
        wanted, now = [c for c in dict.fromkeys(contexts) if c], monotonic()
        old = [c for c in wanted if c not in self._known or self._known[c][1] < now]
        found = {c: self._known[c][0] for c in wanted if c in self._known}
        for start in range(0, len(old), CONTEXT_BATCH):
            if now >= self._silent_until:
                found |= await self._ask(self._describe, old[start : start + CONTEXT_BATCH])
        return {context: about for context, about in found.items() if about is not None}

    async def _ask(
        self, describe: DescribeContexts, contexts: list[str]
    ) -> dict[str, About | None]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                with of_the_host():
                    described = await describe(contexts)
            fresh = {context: _checked(context, described.get(context)) for context in contexts}
        except Exception:
            log.warning("describe_contexts failed; rooms keep what was known", exc_info=True)
            self._silent_until = monotonic() + RETRY_DELAY
            return {}
        until = monotonic() + CACHE_TTL
        for context, about in fresh.items():
            self._known.pop(context, None)
            self._known[context] = about, until
        while len(self._known) > MAX_CACHED_CONTEXTS:
            del self._known[next(iter(self._known))]
        return fresh


def _checked(context: str, about: About | None) -> About | None:
    """Return the description as it is shown; None if it is missing or invalid."""
    if about is None:
        return None
    try:
        return about_of(pack_about(about)) or None
    except Refusal as refusal:
        log.warning("describe_contexts: context=%r error=%s", context, refusal)
        return None
