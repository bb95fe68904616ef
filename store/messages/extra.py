"""The parts of a message beside its text: data, buttons, and the chosen button."""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

SITE = ""  # the sender of the site's own messages: no user has this id


class StoredButton(Struct, frozen=True, omit_defaults=True):
    """A button under a message: with an id it is pressed, with a URL it is a link."""

    label: str
    id: str | None = None
    style: str | None = None
    once: bool = False
    url: str | None = None


class StoredChoice(Struct, frozen=True):
    """The chosen button, who pressed it, and when (microseconds since 1970, UTC)."""

    id: str
    user_id: str
    at: int


class Extra(Struct, frozen=True):
    """The extra parts, stored as JSON in one column, which is null for a plain text.

    The buttons stay after one was chosen, because pressing one of them is a different error than
    pressing one that the message never had.
    """

    data: Raw | UnsetType = UNSET
    actions: tuple[StoredButton, ...] | UnsetType = UNSET
    chosen: StoredChoice | UnsetType = UNSET

    def button(self, id_: str) -> StoredButton | None:
        """Return the button with this id; None if there is none."""
        buttons = self.actions or ()
        return next((button for button in buttons if button.id == id_), None)


class Patch(Struct, frozen=True):
    """The changes of an edit; None keeps buttons and choice, and removes data.

    After new buttons are set, one of them can be chosen again.
    """

    data: Raw | UnsetType | None = UNSET
    actions: tuple[StoredButton, ...] | None = None
    chosen: StoredChoice | None = None


NOTHING = Extra()
_decode = msgspec.json.Decoder(Extra).decode


def read(extra: str | None) -> Extra:
    """Decode the column of the extra parts."""
    return NOTHING if extra is None else _decode(extra)


def write(extra: Extra) -> str | None:
    """Encode the extra parts for the column; None if there are none."""
    return None if extra == NOTHING else msgspec.json.encode(extra).decode()


def of(data: Raw | None, actions: tuple[StoredButton, ...] = ()) -> str | None:
    """Return the column for a new message."""
    return write(Extra(UNSET if data is None else data, actions or UNSET))


def patched(extra: str | None, patch: Patch) -> str | None:
    """Return the column after an edit."""
    now = read(extra)
    if patch.data is not UNSET:
        now = replace(now, data=UNSET if patch.data is None else patch.data)
    if patch.actions is not None:
        now = replace(now, actions=patch.actions or UNSET, chosen=UNSET)
    if patch.chosen is not None:
        now = replace(now, chosen=patch.chosen)
    return write(now)
