"""What a room shows of itself."""

from msgspec import Struct


class RoomLook(Struct, frozen=True):
    """What its members are told of a room beside its title; `about` and `data` are JSON."""

    about: str | None = None
    data: str | None = None
    frozen: int = 0


PLAIN = RoomLook()
