"""Reads and writes the orientation, the only part of EXIF data that a stored picture keeps."""

from msgspec import Struct

UPRIGHT_ORIENTATION = 1
SIDEWAYS_ORIENTATIONS = range(5, 9)  # orientations in which width and height are exchanged
MAX_TAGS = 1_000

_ORIENTATION = 0x0112
_SHORT = 3


class Cleaned(Struct, frozen=True):
    """A picture without its metadata, and its orientation (Exif 2.32, 4.6.4)."""

    content: bytes
    orientation: int = UPRIGHT_ORIENTATION


class Damaged(ValueError):
    """The structure of a file is too broken to be read."""


def read_orientation(tiff: bytes) -> int:
    """Return the orientation in a TIFF structure (Exif 2.32, 4.6.4), 1 to 8; 1 if none is set."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(tiff[:4])
    if order is None:
        return UPRIGHT_ORIENTATION
    number = _Number(order == "big")
    start = number.of(tiff[4:8])
    for index in range(min(number.of(tiff[start : start + 2]), MAX_TAGS)):
        at = start + 2 + 12 * index
        if (
            number.of(tiff[at : at + 2]) == _ORIENTATION
            and number.of(tiff[at + 2 : at + 4]) == _SHORT
        ):
            found = number.of(tiff[at + 8 : at + 10])
            return found if 1 <= found <= 8 else UPRIGHT_ORIENTATION
    return UPRIGHT_ORIENTATION


def write_orientation(orientation: int) -> bytes:
    """Return a TIFF structure that holds this orientation and nothing else."""
    tag = b"\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08\0\x01" + tag + b"\0\0\0\0"


class _Number:
    """Reads integers in the byte order of a file."""

    def __init__(self, is_big: bool) -> None:
        self._is_big = is_big

    def of(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self._is_big else "little")
