"""The settings that are limits, for docs/limits.md and for the metric `roomcast_limit`."""

from .model import Limits, RateLimit, Settings

LIMITS = (
    "server.max_connections",
    "server.max_connections_per_address",
    "server.max_connections_per_user",
    "attachments.max_size",
    "attachments.max_files",
    "attachments.max_pixels",
    *(f"limits.{name}" for name in Limits.__struct_fields__),
    *(f"rate_limit.{name}" for name in RateLimit.__struct_fields__),
)


def limit_value(settings: Settings, name: str) -> float:
    """Return a limit as it is now, in bytes, seconds or a number; a reload may change it."""
    section, _, key = name.partition(".")
    return float(getattr(getattr(settings, section), key))
