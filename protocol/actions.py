"""Actions: what a client may send over a socket, and the bodies that HTTP shares with it."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from .ids import id_of


class Action(Struct, tag_field="action"):
    """One JSON object from a client; unknown fields are ignored."""


class File(Struct):
    """A file: base64 bytes (`data`), a finished upload (`file_path`), or neither to get a URL.

    An empty `name` is made from the type; with an empty `type` the bytes decide.
    """

    name: str | None = None
    size: int | None = None
    type: str | None = None
    data: str | None = None
    file_path: str | None = None

    def __post_init__(self) -> None:
        if self.file_path is not None:
            return
        if self.name is None:
            raise ValueError("name is missing")
        if self.size is None or self.size < 0:
            raise ValueError("size is missing or negative")
        if self.type is None:
            raise ValueError("type is missing")


class Send(Action, tag="send", gc=False):
    """A new message with text, files or both; `client_id` makes it safe to send again."""

    message: str = ""
    file: File | None = None
    files: list[File] | None = None
    client_id: str | None = None
    reply_to: int | str | None = None
    data: dict[str, Any] | None = None

    @property
    def all_files(self) -> list[File]:
        return ([self.file] if self.file else []) + (self.files or [])


class FileUploaded(Action, tag="file_uploaded"):
    """The bytes were PUT to the presigned URL: check them and send the message."""

    file_path: str
    message: str = ""
    client_id: str | None = None
    reply_to: int | str | None = None
    data: dict[str, Any] | None = None

    def as_send(self) -> Send:
        """Returns the action as a message with a finished upload."""
        file = File(file_path=self.file_path)
        named = self.client_id, self.reply_to, self.data
        return Send(self.message, file, None, *named)


def answered(send: Send | FileUploaded) -> int | None:
    """Return the id of the message that this one answers."""
    return None if send.reply_to is None else id_of(send.reply_to, "reply_to")


class Edit(Action, tag="edit"):
    """Changes the text or the data of one's own message, or both."""

    message_id: int | str
    text: str | UnsetType = UNSET
    data: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.text is UNSET and self.data is None:
            raise ValueError("text is missing")


class Delete(Action, tag="delete"):
    """Deletes one's own message."""

    message_id: int | str


class React(Action, tag="react"):
    """Adds a reaction to a message, removes it, or (without `on`) toggles it."""

    message_id: int | str
    emoji: str
    on: bool | None = None


class Act(Action, tag="act"):
    """Presses a button of a message; `params` is sent to the site."""

    message_id: int | str
    id: str
    params: dict[str, Any] | None = None


class History(Action, tag="history"):
    """Asks for a page of the history, for this socket only.

    The page is before or after a message, or around a message or a time (RFC 3339).
    """

    before: int | str | None = None
    after: int | str | None = None
    around: int | str | None = None
    at: str | None = None
    limit: int | None = None


class Read(Action, tag="read"):
    """Marks everything up to this message as read."""

    message_id: int | str


class Auth(Action, tag="auth"):
    """Sends a new token of the same user before the old one expires."""

    token: str


class Typing(Action, tag="typing"):
    """Says that the user is writing; other members receive it at most every two seconds."""


class Ping(Action, tag="ping"):
    """Asks for a `pong`."""


AnyAction = (
    Send | FileUploaded | Edit | Delete | React | Act | History | Read | Typing | Auth | Ping
)
