"""The properties of rooms beside their title: the subject, data, and frozen."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from .events import About

Look = tuple[About | UnsetType, Raw | UnsetType, bool | UnsetType]
_decode_about = msgspec.json.Decoder(About).decode


def about_of(about: str | None) -> About | UnsetType:
    """The stored JSON properties of a room; left out where there are none."""
    return UNSET if about is None else _decode_about(about)


def look_of(about: str | None, data: str | None, *, is_frozen: bool) -> Look:
    """The fields `about`, `data` and `frozen` of a room; left out where there is nothing to say."""
    packed = UNSET if data is None else Raw(data.encode())
    return about_of(about), packed, True if is_frozen else UNSET
