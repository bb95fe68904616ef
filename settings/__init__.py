"""Typed settings and their loader."""

from .checks import BadSetting, check
from .load import HINTS, VARIABLES, Source, load, octets, read, seconds
from .model import (
    AttachmentSettings,
    AuthSettings,
    Broadcast,
    Database,
    Issuer,
    Limits,
    PresenceSettings,
    RateLimit,
    ServerSettings,
    Settings,
    Web,
    Webhooks,
)
from .reload import apply_reload, overwrite
from .types import MIN_SECRET_SIZES

__all__ = [
    "HINTS",
    "MIN_SECRET_SIZES",
    "VARIABLES",
    "AttachmentSettings",
    "AuthSettings",
    "BadSetting",
    "Broadcast",
    "Database",
    "Issuer",
    "Limits",
    "PresenceSettings",
    "RateLimit",
    "ServerSettings",
    "Settings",
    "Source",
    "Web",
    "Webhooks",
    "apply_reload",
    "check",
    "load",
    "octets",
    "overwrite",
    "read",
    "seconds",
]
