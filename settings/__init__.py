"""Typed settings and their loader."""

from .checks import BadSetting, check
from .load import HINTS, VARIABLES, Source, load, octets, read, seconds
from .model import (
    Attachments,
    Auth,
    Broadcast,
    Database,
    Issuer,
    Limits,
    Presence,
    RateLimit,
    Server,
    Settings,
    Web,
    Webhooks,
)
from .reload import apply_reload
from .types import SHORTEST

__all__ = [
    "HINTS",
    "SHORTEST",
    "VARIABLES",
    "Attachments",
    "Auth",
    "BadSetting",
    "Broadcast",
    "Database",
    "Issuer",
    "Limits",
    "Presence",
    "RateLimit",
    "Server",
    "Settings",
    "Source",
    "Web",
    "Webhooks",
    "apply_reload",
    "check",
    "load",
    "octets",
    "read",
    "seconds",
]
