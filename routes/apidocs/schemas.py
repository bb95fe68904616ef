"""The types of the protocol as JSON Schema: each field described, each type with an example."""

from collections.abc import Iterable
from typing import Any

import msgspec

from .examples import examples_of
from .server_examples import SERVER_WORDS

Json = dict[str, Any]

REF = "#/components/schemas/{name}"

# The meaning of a field in all types; `Type.field` is its meaning in one type.
WORDS = {
    "about": "What the room is about, as the site says.",
    "can": "What the caller may do in the room.",
    "frozen": "True if the room is read-only; otherwise left out.",
    "marked_unread": "Whether the caller marked the room as unread; reading it removes the mark.",
    "price": "A price as text, with its currency.",
    "actions": "The buttons that can still be pressed.",
    "chosen": "Who pressed a button that can be pressed once, which one and when.",
    "kind": "`system` for a message of the site itself; otherwise left out.",
    "label": "The text on the button.",
    "once": "Whether only the first press counts; then the buttons disappear.",
    "params": "More data for the site: at most 1 KiB of JSON.",
    "reason": "Why the message is reported.",
    "max_data_size": "Most bytes of a message's custom data (JSON); with 0, members can't set any.",
    "reply": "The site's answer to the user who pressed the button.",
    "style": "How the button looks, such as `primary` or `danger`.",
    "url": "The URL of a button that is a link.",
    "after": "Only messages with a higher id, the oldest of them.",
    "around": "Messages on both sides of this id, which may be of a deleted message.",
    "at": "When the user was blocked: UTC, with microseconds.",
    "has_newer": "Whether there are newer messages than those of this page.",
    "history_page_size": "Messages in a page of history, and in the first frame.",
    "languages": "Languages that may prefix the paths of the API; the first is the default.",
    "limits": "Largest lengths (code points), sizes (bytes) and numbers.",
    "max_client_id_length": "Most code points of a `client_id`.",
    "max_emoji_length": "Most code points of a reaction.",
    "max_files": "Most files in a message.",
    "max_frame_size": "Most bytes of a frame, including all files of a message.",
    "max_history_page_size": "Most messages in a page of history.",
    "max_members": "Most members of a room.",
    "max_reactions_per_message": "Most different emoji on one message.",
    "max_resume_changes": "Most changes that a cursor may be behind.",
    "max_room_page_size": "Most rooms in a page of the list.",
    "max_size": "Most bytes of a file.",
    "max_text_length": "Most code points of a message's text.",
    "max_title_length": "Most code points of a title or a context.",
    "open_rooms": "Whether members may open rooms; if not, only the site does.",
    "push": "How to subscribe to push messages; null if the server sends none.",
    "reports": "Whether messages can be reported.",
    "room_page_size": "Rooms in a page of the list.",
    "types": "Content types that files may have.",
    "features": "What this server offers.",
    "archived": "Whether the room is hidden from the caller's list, until its next message.",
    "attachments": "The files of the message.",
    "before": "Only messages with a lower id; without it the newest.",
    "client_id": "Any string that the sender chose, unique among their messages in this room. "
    "Sent again it stores nothing and answers with the message that is there.",
    "code": "What went wrong, for programs.",
    "content_type": "The content type that the bytes have.",
    "context": "What the room is about, such as `listing:55`: two people have one room for each.",
    "counter": "Unread messages of others, without those in muted rooms.",
    "counter_by_room": "Unread messages in this room; also given for a muted room.",
    "count": "The number of entries on all pages.",
    "created_at": "When it was created: UTC, with microseconds.",
    "data": "The bytes in strict base64, with or without a `data:…;base64,` head.",
    "deleted": "Ids of the messages that were deleted after the cursor.",
    "delivered": "The member has received all messages up to this one.",
    "detail": "What went wrong, for people.",
    "epoch": "Changes when the database is restored: cursors from another epoch are not valid.",
    "emoji": "Any string of at most 32 code points.",
    "expires_at": "When the token that is now in use expires.",
    "expires_in": "For how many seconds the URL works.",
    "file": "One file.",
    "file_name": "The file's name without unsafe characters.",
    "file_path": "The `file_path` of a finished upload.",
    "file_url": "Works in an `<img>` of any page, without a header, until it expires.",
    "files": "Several files.",
    "first_user_profile": "One member of a room of two, for who asks with `profile_id`.",
    "second_user_profile": "The other one.",
    "first_user": "The caller; may be left out.",
    "from_this_user": "Whether the caller sent it.",
    "has_more": "Whether there are more after this page.",
    "headers": "Headers that the PUT must have.",
    "id": "The same as `room_id`.",
    "last_message": "The newest message, or null.",
    "last_seen": "When the user came online or went offline for the last time: UTC, with "
    "microseconds; null for a user who was never online.",
    "limit": "The largest number of entries.",
    "members": "Everybody in the room, the caller included.",
    "message": "The message as it is now.",
    "message_id": "A message of this room.",
    "messages": "Messages, oldest first.",
    "muted": "Whether the caller gets no notifications for the room.",
    "name": "The user's name.",
    "next": "The URL of the next page, null on the last.",
    "online": "Whether the user has any socket open, on any device.",
    "picture": "The URL of a picture of the person.",
    "presigned_url": "Where to PUT the bytes.",
    "previous": "The URL of the page before, null on the first.",
    "on": "Whether to add or remove the reaction; if null or left out, it is toggled.",
    "reactions": "The reactions to the message, in the order of their first use.",
    "read": "The member has read all messages up to this one.",
    "receipts": "How far each member has received and read.",
    "reply_to": "The message in this room to which this is an answer.",
    "reset": "Whether the client must drop its messages: these are simply the newest ones.",
    "results": "The rooms of this page.",
    "room_id": "The room.",
    "second_user": "The other one.",
    "sender_id": "Who sent it.",
    "sender_status": "Whether the sender has any socket open, as of this frame.",
    "size": "The number of bytes.",
    "status": "`send`: stored. `delivered`: a device of every recipient has it. `read`: every "
    "recipient has read it. A status never goes back.",
    "text": "The text, exactly as it was sent.",
    "title": "The room's title.",
    "token": "A new token of the same user.",
    "type": "The content type.",
    "unread": "The caller's unread messages in the room.",
    "updated_at": "When it was last changed: UTC, with microseconds.",
    "user_id": "The member.",
    "user_ids": "The users who gave it, in the order in which they did.",
    "width": "The picture's width in pixels, after its orientation was applied.",
    "height": "The picture's height in pixels, after its orientation was applied.",
    "version": "The room's counter of changes after this one. The highest seen is the cursor for "
    "`after`.",
    # ---- fields with another meaning in one type
    "Notice.created_at": "When that message was sent: UTC, with microseconds.",
    "Notice.last_message": "The text of the room's newest unread message.",
    "Notice.sender_id": "Who sent it.",
    "Notice.updated_at": "When it was last changed: UTC, with microseconds.",
    "NotifiedNested.messages": "The counter and the rooms, as in the flat shape.",
    "UnreadCount.messages": "The 100 rooms with unread messages whose newest is the most recent.",
    "UserProfile.id": "The user's id.",
    "UserProfile.username": "What the person is called.",
    "Notified.messages": "The 100 rooms with unread messages whose newest is the most recent.",
    "NewMember.user_id": "A user who is not yet in the room.",
    "Alive.status": "`ok`.",
    "About.title": "The name of the thing.",
    "About.url": "Where it is shown.",
    "About.picture": "The URL of a picture of it.",
    "About.status": "The state, such as `sold`.",
    "RoomOpened.data": "Custom data of the site: a JSON object.",
    "RoomListed.data": "Custom data of the site: a JSON object.",
    "RoomShown.data": "Custom data of the site: a JSON object.",
    "RoomChanged.data": "Custom data of the site: a JSON object.",
    "Message.data": "Custom data: a JSON object of at most 4 KiB.",
    "MessagePressed.data": "Custom data: a JSON object of at most 4 KiB.",
    "MessagePressed.version": "The version of the room at the message's last change.",
    "MessagePatch.data": "Other custom data.",
    "Send.data": "Custom data: a JSON object of at most 4 KiB.",
    "FileUploaded.data": "Custom data: a JSON object of at most 4 KiB.",
    "Edit.data": "New custom data; if null or left out, it stays.",
    "Edit.text": "The new text; may be left out if `data` is given.",
    "Act.id": "The button's id.",
    "ButtonPress.id": "The button's id.",
    "ButtonPressed.id": "The button's id.",
    "Button.id": "The button's id for `act`; left out if the button is a link.",
    "Chosen.id": "The button's id.",
    "Chosen.user_id": "Who pressed it.",
    "Chosen.at": "When: UTC, with microseconds.",
    "MessageReport.text": "A longer description, for people.",
    "History.at": "Messages around the first one at or after this time (RFC 3339).",
    "Config.attachments": "The files that a message may have.",
    "Me.user_id": "The caller.",
    "Me.expires_at": "When the caller's token expires, or null.",
    "Block.user_id": "Who is blocked.",
    "BlockPage.results": "The users whom the caller has blocked, the latest first.",
    "MessagePatch.text": "The new text.",
    "Error.action": "The action that failed, if known.",
    "Error.client_id": "The action's `client_id`, if it had one.",
    "Error.message": "What went wrong, for people.",
    "Error.message_id": "The action's message, if it had one.",
    "File.name": "The file's name. Needed without `file_path`.",
    "File.size": "The number of bytes. Needed without `file_path`.",
    "File.type": "The declared content type; under `application/octet-stream` the bytes decide. "
    "Needed without `file_path`.",
    "FileUploaded.message": "The text; may be empty.",
    "LastMessage.content": "The text of the message.",
    "Message.version": "The version of the room at the message's last change.",
    "Quote.text": "The current text, cut at 140 code points; null after it was deleted.",
    "Reaction.count": "The number of users who gave it.",
    "Ready.broker": "The broker between processes: `ok`, or its error.",
    "Ready.bucket": "The storage of files: `ok`, or its error.",
    "Ready.database": "The database: `ok`, or its error.",
    "SearchPage.next": "The URL of the next page of older messages, or null.",
    "SearchPage.results": "The messages of this page, newest first.",
    "Send.message": "The text; may be empty if there is a file.",
    "NewUpload.name": "The file's name.",
    "NewUpload.type": "The declared content type.",
    "UploadOffered.file_name": "The file's name, as it was given.",
    "UploadOffered.file_path": "The `file_path` for a message with this file, after the upload.",
    "UploadOffered.message": "The text of the request.",
}  # fmt: skip


def schemas_of(kinds: Iterable[Any]) -> tuple[dict[Any, Json], dict[str, Json]]:
    """Each type's schema, and the named components that these refer to."""
    asked = list(dict.fromkeys(kinds))
    shown, components = msgspec.json.schema_components(asked, ref_template=REF)
    for schema in (*shown, *components.values()):
        _shorten(schema)
    for name, schema in components.items():
        _explain(name, schema)
    return dict(zip(asked, shown, strict=True)), components


def _shorten(schema: Json) -> None:
    """Makes a schema easier for generators.

    A choice of plain types becomes a list of them, `integer | string`. A default of null goes:
    typed generators take a field with a default for one that is always there.
    """
    if schema.get("default", ...) is None:
        del schema["default"]
    parts = schema.get("anyOf", [])
    if parts and all(part.keys() == {"type"} for part in parts):
        schema["type"] = [part["type"] for part in schema.pop("anyOf")]
    for inner in (*parts, *schema.get("properties", {}).values()):
        _shorten(inner)
    if "items" in schema:
        _shorten(schema["items"])


def _words_on(name: str, field: str) -> str | None:
    return WORDS.get(f"{name}.{field}") or WORDS.get(field) or SERVER_WORDS.get(field)


def _explain(name: str, schema: Json) -> None:
    for field, its in schema.get("properties", {}).items():
        if words := _words_on(name, field):
            its["description"] = words
        if field.endswith("_at"):
            its["format"] = "date-time"
    if examples := examples_of(name):
        schema["examples"] = list(examples.values())
