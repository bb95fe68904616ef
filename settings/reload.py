"""Settings that a running server reloads on SIGHUP."""

from msgspec import Struct
from msgspec.structs import force_setattr

from .model import Settings

RELOADABLE = {
    "limits": None,  # every setting of the section
    "rate_limit": None,
    "server": {"log_level"},
    "attachments": {"types", "max_size", "max_files", "max_pixels", "strip_metadata"},
}


def apply_reload(current: Settings, new: Settings) -> tuple[list[str], list[str]]:
    """Change `current` in place, so that all references to its sections have the new values.

    Return the names of the changed settings, and of those that need a restart.
    """
    changed: list[str] = []
    needs_restart: list[str] = []
    for section in Settings.__struct_fields__:
        old, fresh = getattr(current, section), getattr(new, section)
        for key in differing(old, fresh):
            if section in RELOADABLE and key in (RELOADABLE[section] or old.__struct_fields__):
                force_setattr(old, key, getattr(fresh, key))
                changed.append(f"{section}.{key}")
            else:
                needs_restart.append(f"{section}.{key}")
    return changed, needs_restart


def overwrite(current: Settings, new: Settings) -> None:
    """Change every setting of `current` in place; only while the chat does not run."""
    for section in Settings.__struct_fields__:
        old, fresh = getattr(current, section), getattr(new, section)
        for key in old.__struct_fields__:
            force_setattr(old, key, getattr(fresh, key))


def differing(old: Struct, new: Struct) -> list[str]:
    return [key for key in old.__struct_fields__ if getattr(old, key) != getattr(new, key)]
