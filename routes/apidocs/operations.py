"""The table of HTTP calls: the parameters and answers of each, beside its docstring."""

from typing import Any, Literal

from ...protocol import actions, events
from ...protocol.actions import Send
from ...protocol.errors import (
    Conflict,
    EmptyMessage,
    FileInvalid,
    FileMissing,
    FileType,
    Forbidden,
    InvalidFrame,
    NotFound,
    StorageUnavailable,
    TooLong,
    Unavailable,
)
from ...protocol.events import Notified, UploadOffered
from ..attachments import NewUpload
from ..blocks import BlockPage
from ..config import Config
from ..health import Alive, Ready
from ..me import Me
from ..members import NewMember
from ..messages import (
    ButtonPress,
    MessagePage,
    MessagePatch,
    MessagePressed,
    MessageReport,
    Reactions,
)
from ..requests import NDJSON
from ..room_shapes import NewRoom, RoomEdit, RoomOpened, RoomPage, RoomShown
from ..search import SearchPage
from .call import (
    ANY,
    HTML,
    SIGNED,
    Answer,
    AnyUser,
    Call,
    Cursor,
    From1,
    Id,
    Parameter,
    Time,
    User,
    Words,
)

LIST = Call(
    {200: Answer("A page of the caller's rooms.", RoomPage)},
    parameters=(
        Parameter("first_user", User, "The caller's id; rooms of others are refused."),
        Parameter("profile_id", User, "The same as `first_user`.", is_old=True),
        Parameter("archived", Literal["0", "1"], "`1` for the rooms that the caller has archived."),
        Parameter("q", Words, "Words, or their beginnings, in titles, contexts and names."),
        Parameter("unread", Literal["0", "1"], "`1` for rooms with unread messages or a mark."),
        Parameter("context", str, "Only rooms with this context."),
        Parameter("context_prefix", str, "Only rooms whose context has this prefix."),
        Parameter("cursor", Cursor, "The page's position, from `next` or `previous`."),
        Parameter("page", From1, "The page's number, for clients that count pages.", default=1),
        Parameter(
            "page_size",
            From1,
            "Rooms in a page, at most {limits.max_room_page_size}.",
            default="room_page_size",
        ),
    ),
    own=(InvalidFrame,),
)

CALLS: dict[str, Call] = {
    "POST /chat/create": Call(
        {
            201: Answer("The room is new.", RoomOpened),
            200: Answer("The room that these two users already have for this context.", RoomOpened),
        },
        parameters=(
            Parameter("second_user", AnyUser, "For clients that send no body.", is_old=True),
            Parameter("first_user", AnyUser, "The caller.", is_old=True),
            Parameter("second_profile_id", AnyUser, "The same as `second_user`.", is_old=True),
            Parameter("first_profile_id", AnyUser, "The same as `first_user`.", is_old=True),
        ),
        body=Answer("The others, or all members.", NewRoom, is_needed=False),
        own=(TooLong,),
    ),
    "GET /chat/recieve": LIST,
    "GET /chat/receive": LIST,
    "DELETE /chat/delete/{room_id}": Call(
        {204: Answer("The room, its messages and its files are deleted.")}, own=(NotFound,)
    ),
    "GET /chat/rooms/{room_id}": Call({200: Answer("The room.", RoomShown)}, own=(NotFound,)),
    "PATCH /chat/rooms/{room_id}": Call(
        {200: Answer("The room, as it is now.", RoomShown)},
        body=Answer("What shall be otherwise.", RoomEdit),
        own=(TooLong, NotFound),
    ),
    "POST /chat/rooms/{room_id}/members": Call(
        {
            201: Answer("The room, with the new member.", RoomShown),
            200: Answer("The room; the user was already a member.", RoomShown),
        },
        body=Answer("The user to add.", NewMember),
        own=(NotFound, Conflict),
    ),
    "DELETE /chat/rooms/{room_id}/members/{user_id:path}": Call(
        {204: Answer("The user is no longer a member.")},
        own=(InvalidFrame, NotFound, Conflict),
    ),
    "GET /chat/unread": Call({200: Answer("As it stands now.", Notified)}),
    "GET /chat/rooms/{room_id}/messages": Call(
        {200: Answer("A page of the room's messages.", MessagePage)},
        parameters=(
            Parameter("before", Id, "Only messages with a lower id: the newest of them."),
            Parameter("after", Id, "Only messages with a higher id: the oldest of them."),
            Parameter("around", Id, "Messages on both sides of this id, which may be deleted."),
            Parameter("at", Time, "Messages around the first one at or after this RFC 3339 time."),
            Parameter(
                "limit",
                From1,
                "How many at most; {limits.max_history_page_size} is the most there are.",
                default="history_page_size",
            ),
        ),
        own=(InvalidFrame, NotFound),
    ),
    "POST /chat/rooms/{room_id}/messages": Call(
        {
            201: Answer("The message was stored and published.", events.Message),
            200: Answer("The message that this `client_id` sent before.", events.Message),
        },
        parameters=(
            Parameter("Idempotency-Key", str, "The `client_id`, if the body has none.", "header"),
        ),
        body=Answer("Text, files or both.", Send),
        examples=("text", "text, safe to repeat", "file", "finished upload"),
        own=(
            EmptyMessage,
            TooLong,
            FileType,
            FileInvalid,
            FileMissing,
            NotFound,
            Conflict,
            StorageUnavailable,
        ),
    ),
    "PATCH /chat/rooms/{room_id}/messages/{message_id}": Call(
        {200: Answer("The message, as it is now.", events.Message)},
        body=Answer("What shall be otherwise.", MessagePatch),
        own=(EmptyMessage, TooLong, NotFound),
    ),
    "DELETE /chat/rooms/{room_id}/messages/{message_id}": Call(
        {204: Answer("The message is deleted.")}, own=(NotFound,)
    ),
    "POST /chat/rooms/{room_id}/messages/{message_id}/act": Call(
        {200: Answer("The message, as it is now.", MessagePressed)},
        body=Answer("Which button.", ButtonPress),
        own=(TooLong, NotFound, Conflict),
    ),
    "POST /chat/rooms/{room_id}/messages/{message_id}/report": Call(
        {204: Answer("It is reported.")},
        body=Answer("Why.", MessageReport),
        own=(TooLong, NotFound),
    ),
    "PUT /chat/rooms/{room_id}/messages/{message_id}/reactions/{emoji:path}": Call(
        {200: Answer("The reactions, as they are now.", Reactions)}, own=(InvalidFrame, NotFound)
    ),
    "DELETE /chat/rooms/{room_id}/messages/{message_id}/reactions/{emoji:path}": Call(
        {200: Answer("The reactions, as they are now.", Reactions)}, own=(InvalidFrame, NotFound)
    ),
    "POST /chat/rooms/{room_id}/read": Call(
        {200: Answer("The caller's receipts in the room.", events.Receipt)},
        body=Answer("The message up to which everything is read.", actions.Read),
        own=(NotFound,),
    ),
    "POST /chat/attachments": Call(
        {200: Answer("The URL for the upload, and its headers.", UploadOffered)},
        body=Answer("The file.", NewUpload),
        own=(FileType, FileInvalid, NotFound, StorageUnavailable),
    ),
    "GET /chat/blocks": Call(
        {200: Answer("The users whom the caller has blocked.", BlockPage)},
        parameters=(Parameter("before", Id, "The page's position, from `next`."),),
        own=(InvalidFrame,),
    ),
    "POST /chat/blocks/{user_id:path}": Call(
        {204: Answer("They are blocked.")}, own=(InvalidFrame, NotFound)
    ),
    "DELETE /chat/blocks/{user_id:path}": Call(
        {204: Answer("The user is not blocked.")}, own=(InvalidFrame, NotFound)
    ),
    "GET /chat/export": Call({200: Answer("One JSON object a line.", media=NDJSON)}),
    "GET /chat/config": Call({200: Answer("Limits and features.", Config)}, is_open=True),
    "GET /chat/me": Call({200: Answer("The caller.", Me)}),
    "DELETE /chat/me": Call({204: Answer("The data is erased, or is being erased.")}),
    "GET /chat/search": Call(
        {200: Answer("Messages with all of the words, newest first.", SearchPage)},
        parameters=(
            Parameter("q", Words, "The words, at most 200 characters.", is_required=True),
            Parameter("cursor", Cursor, "The page's position, from `next`."),
            Parameter("room_id", Id, "Only messages of this room."),
            Parameter("before", Id, "Only messages with a lower id."),
        ),
        own=(InvalidFrame, NotFound),
    ),
    "GET /swagger": Call({200: Answer("A page for browsers.", media=HTML)}, is_open=True),
    "GET /schema": Call({200: Answer("OpenAPI 3.1.", dict[str, Any])}, is_open=True),
    "GET /asyncapi": Call({200: Answer("AsyncAPI 3.0.", dict[str, Any])}, is_open=True),
    "GET /healthz": Call({200: Answer("The process lives.", Alive)}, is_open=True),
    "GET /readyz": Call(
        {
            200: Answer("All engines answer.", Ready),
            503: Answer("An engine does not answer.", Ready),
        },
        is_open=True,
    ),
    "GET /metrics": Call(
        {200: Answer("Metrics in Prometheus's text format.", media="text/plain")}, is_open=True
    ),
    "GET /files/{path:path}": Call(
        {
            200: Answer("The bytes.", media=ANY),
            206: Answer("The bytes of the `Range`.", media=ANY),
            304: Answer("The client has these bytes already."),
            416: Answer("There are no bytes in that range."),
        },
        parameters=(
            *SIGNED,
            Parameter("size", Literal["360", "720", "1080"], "Asks for a thumbnail of a picture."),
            Parameter("Range", str, "Only some of the bytes.", "header"),
            Parameter("If-Range", str, "The ETag for which `Range` counts.", "header"),
            Parameter("If-None-Match", str, "The ETag of the copy that the client has.", "header"),
        ),
        own=(InvalidFrame, Forbidden, NotFound, StorageUnavailable),
        is_open=True,
    ),
    "PUT /files/{path:path}": Call(
        {200: Answer("The bytes are stored; now send the message.")},
        parameters=(
            *SIGNED,
            Parameter("size", int, "The declared number of bytes.", is_required=True),
        ),
        body=Answer("The bytes.", media=ANY),
        own=(FileInvalid, Forbidden, NotFound, Unavailable, StorageUnavailable),
        is_open=True,
    ),
    "OPTIONS /files/{path:path}": Call(
        {204: Answer("Uploads are allowed from any origin.")}, own=(NotFound,), is_open=True
    ),
}
