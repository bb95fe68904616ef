"""The table of the server API's calls: the parameters and answers of each."""

from typing import Literal

from ...chat.site.records import RoomCreated, RoomRecord, StatsRecord, UserRecord
from ...chat.site.reports import ReportRecord
from ...protocol.errors import (
    Conflict,
    EmptyMessage,
    FileInvalid,
    FileType,
    InvalidFrame,
    NotFound,
    StorageUnavailable,
    TooLong,
)
from ...protocol.events import Message, Notified
from ..requests import NDJSON
from ..server_api.messages import SiteMessagePage, SiteMessagePatch, SiteNewMessage
from ..server_api.reports import SiteReportPage, SiteReportPatch
from ..server_api.rooms import SiteNewMember, SiteNewRoom, SiteRoomPage, SiteRoomPatch
from ..server_api.users import NewBan, NewToken, SiteUserPatch, TokenRecord
from .call import Answer, Call, Cursor, From1, Id, Parameter, User, Words

KEY = Parameter("Idempotency-Key", str, "The same key does a thing once.", "header")
CURSOR = Parameter("cursor", Cursor, "What `next` says.")
ROOM, MESSAGE = "/server/rooms/{room_id}", "/server/rooms/{room_id}/messages/{message_id}"
USER = "/server/users/{user_id:path}"
DONE = Answer("It is done.")

SERVER_CALLS: dict[str, Call] = {
    "POST /server/rooms": Call(
        {201: Answer("The room is new.", RoomCreated), 200: Answer("It was there.", RoomCreated)},
        parameters=(KEY,),
        body=Answer("The members, and the details of the room.", SiteNewRoom),
        own=(TooLong, Conflict),
    ),
    "GET /server/rooms": Call(
        {200: Answer("A page of rooms.", SiteRoomPage)},
        parameters=(
            Parameter("user_id", User, "Only rooms of this user, by their activity."),
            Parameter("context", str, "Only rooms with this context."),
            Parameter("q", Words, "Words, or their beginnings, in titles, contexts and names."),
            CURSOR,
        ),
        own=(InvalidFrame,),
    ),
    f"GET {ROOM}": Call({200: Answer("The room.", RoomRecord)}, own=(NotFound,)),
    f"PATCH {ROOM}": Call(
        {200: Answer("The room, as it is now.", RoomRecord)},
        body=Answer("What shall be otherwise.", SiteRoomPatch),
        own=(TooLong, NotFound),
    ),
    f"DELETE {ROOM}": Call({204: DONE}, own=(NotFound,)),
    f"POST {ROOM}/members": Call(
        {
            201: Answer("The room, with the new member.", RoomRecord),
            200: Answer("The user was already a member.", RoomRecord),
        },
        body=Answer("The user to add.", SiteNewMember),
        own=(NotFound, Conflict),
    ),
    f"DELETE {ROOM}/members/{{user_id:path}}": Call(
        {204: DONE}, own=(InvalidFrame, NotFound, Conflict)
    ),
    f"GET {ROOM}/messages": Call(
        {200: Answer("A page of messages, oldest first.", SiteMessagePage)},
        parameters=(
            Parameter("before", Id, "Only messages with a lower id: the newest of them."),
            Parameter("after", Id, "Only messages with a higher id: the oldest of them."),
            Parameter("limit", From1, "How many at most; 100 is the most there are.", default=50),
        ),
        own=(InvalidFrame, NotFound),
    ),
    f"POST {ROOM}/messages": Call(
        {
            201: Answer("The message was stored and published.", Message),
            200: Answer("The message that this `client_id` sent before.", Message),
        },
        parameters=(KEY,),
        body=Answer("The message.", SiteNewMessage),
        own=(
            EmptyMessage,
            TooLong,
            FileType,
            FileInvalid,
            NotFound,
            Conflict,
            StorageUnavailable,
        ),
    ),
    f"PATCH {MESSAGE}": Call(
        {200: Answer("The message, as it is now.", Message)},
        body=Answer("What shall be otherwise.", SiteMessagePatch),
        own=(EmptyMessage, TooLong, NotFound),
    ),
    f"DELETE {MESSAGE}": Call({204: DONE}, own=(NotFound,)),
    f"GET {USER}": Call({200: Answer("The user.", UserRecord)}, own=(InvalidFrame, NotFound)),
    f"PUT {USER}": Call(
        {200: Answer("The user, as they are now.", UserRecord)},
        body=Answer("The user's profile.", SiteUserPatch),
        own=(TooLong, NotFound),
    ),
    f"DELETE {USER}": Call({204: DONE}, own=(InvalidFrame, NotFound)),
    f"GET {USER}/export": Call(
        {200: Answer("One JSON object a line.", media=NDJSON)}, own=(InvalidFrame, NotFound)
    ),
    f"GET {USER}/unread": Call(
        {200: Answer("As it stands now.", Notified)}, own=(InvalidFrame, NotFound)
    ),
    f"POST {USER}/token": Call(
        {200: Answer("A token of the user.", TokenRecord)},
        body=Answer("For how long.", NewToken, is_needed=False),
        own=(NotFound,),
    ),
    f"POST {USER}/disconnect": Call({204: DONE}, own=(InvalidFrame, NotFound)),
    f"PUT {USER}/ban": Call(
        {204: DONE},
        body=Answer("The end of the ban, and its reason.", NewBan, is_needed=False),
        own=(TooLong, NotFound),
    ),
    f"DELETE {USER}/ban": Call({204: DONE}, own=(InvalidFrame, NotFound)),
    "GET /server/reports": Call(
        {200: Answer("A page of reports, the newest first.", SiteReportPage)},
        parameters=(
            Parameter(
                "state", Literal["open", "resolved"], "`open` or `resolved`; left out, both."
            ),
            CURSOR,
        ),
        own=(InvalidFrame,),
    ),
    "PATCH /server/reports/{report_id}": Call(
        {200: Answer("The report, as it is now.", ReportRecord)},
        body=Answer("The report's new state.", SiteReportPatch),
        own=(TooLong, NotFound),
    ),
    "GET /server/stats": Call({200: Answer("Numbers of the whole chat.", StatsRecord)}),
}
