"""The audit log: administrative actions with their actor, address and outcome.

One JSON object a line, on the logger `roomcast.audit`. It never contains a token, a key or a text.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct

log = logging.getLogger("roomcast.audit")


class Actor(Struct, frozen=True):
    """The actor of an audited action, and the address that it came from."""

    name: str
    source: str = ""


HOST = Actor("host")  # the site's own code, in this process
_actor: ContextVar[Actor] = ContextVar("roomcast_actor", default=HOST)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Record every audited action inside this context as done by the given actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def record(action: str, outcome: str = "ok", *, by: Actor | None = None, **about: object) -> None:
    """Write one line. `about` has the ids of the objects, never texts."""
    actor = by or _actor.get()
    line = {"action": action, "actor": actor.name, "from": actor.source, "outcome": outcome}
    log.info(json.dumps({**line, **about}, ensure_ascii=False, separators=(",", ":")))
