"""The properties of rooms besides their title: `about`, `data` and `frozen`."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from .events import About

Look = tuple[About | UnsetType, Raw | UnsetType, bool | UnsetType]
_decode_about = msgspec.json.Decoder(About).decode


def about_of(about: str | None) -> About | UnsetType:
    """Return the stored JSON properties of a room, without empty ones."""
    return UNSET if about is None else _decode_about(about)


def look_of(about: str | None, data: str | None, *, is_frozen: bool) -> Look:
    """Return the fields `about`, `data` and `frozen` of a room, without empty ones."""
    packed = UNSET if data is None else Raw(data.encode())
    return about_of(about), packed, True if is_frozen else UNSET
