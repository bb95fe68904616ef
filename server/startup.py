"""Reasons why a server cannot start, in one sentence each."""

from ..realtime.brokers import Unreachable
from ..settings import Settings
from ..store.objects.bucket import BucketUnavailable
from ..store.store import CannotOpen
from .listen import CannotServe

CANNOT_START = (CannotServe, CannotOpen, BucketUnavailable, Unreachable)


def refuse_workers(settings: Settings) -> None:
    """Several processes need a database and a broker that they can share."""
    wanted = []
    if settings.database.url.startswith("sqlite:"):
        wanted.append("database.url to postgresql://…")
    if settings.broadcast.url.startswith("memory:"):
        wanted.append("broadcast.url to redis://… or postgresql://…")
    if settings.server.workers > 1 and wanted:
        raise CannotServe(
            f"server.workers = {settings.server.workers}: the processes would not hear each other;"
            f" set {' and '.join(wanted)}, or server.workers = 1."
        )
