"""The properties of a room that its members see."""

from msgspec import Struct


class RoomLook(Struct, frozen=True):
    """The properties, except the title, that members see; `about` and `data` are JSON."""

    about: str | None = None
    data: str | None = None
    frozen: int = 0


PLAIN = RoomLook()
