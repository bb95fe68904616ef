"""The types of the wire as JSON Schema, with a word on each field and an example of each type."""

from collections.abc import Iterable
from typing import Any

import msgspec

from .examples import examples_of
from .server_examples import SERVER_WORDS

Json = dict[str, Any]

REF = "#/components/schemas/{name}"

# What a field means wherever it stands; `Type.field` where it means something else there.
WORDS = {
    "about": "What the room is about, as the site says.",
    "can": "What the caller may do in the room.",
    "frozen": "True where the room is read-only; otherwise left out.",
    "marked_unread": "The caller's own flag, until they read the room.",
    "price": "A price as text, with its currency.",
    "actions": "Buttons, as long as they can be pressed.",
    "chosen": "Which button was pressed that can be pressed once, by whom and when.",
    "kind": "`system` for a message of the site itself; otherwise left out.",
    "label": "What stands on the button.",
    "once": "Whether it can be pressed once only, by whoever is first.",
    "params": "What the site is to know beside: at most 1 KiB of JSON.",
    "reason": "Why the message is reported.",
    "max_data_size": "Bytes of the custom data (JSON) of a message; 0: members may not set any.",
    "reply": "What the site says to who pressed the button.",
    "style": "How the button looks, such as `primary` or `danger`.",
    "url": "Where a button leads that is a link.",
    "after": "Only messages with a higher id, the oldest of them.",
    "around": "Messages on both sides of this id, which may be of a deleted message.",
    "at": "Since when: UTC, with microseconds.",
    "has_newer": "Whether there are newer messages than those of this page.",
    "history_page_size": "Messages in a page of history, and in the first frame.",
    "languages": "The languages under whose prefix the API stands too; the first is the default.",
    "limits": "Lengths in code points, sizes in bytes, and how many of what.",
    "max_client_id_length": "Code points of a `client_id`.",
    "max_emoji_length": "Code points of a reaction.",
    "max_files": "Files in a message.",
    "max_frame_size": "Bytes of a frame, all files of a message together.",
    "max_history_page_size": "Messages that a page of history has at most.",
    "max_members": "Members of a room.",
    "max_reactions_per_message": "Different emoji under one message.",
    "max_resume_changes": "Changes that a cursor may be behind.",
    "max_room_page_size": "Rooms that a page of the list has at most.",
    "max_size": "Bytes of a file.",
    "max_text_length": "Code points of a message.",
    "max_title_length": "Code points of a title or a context.",
    "open_rooms": "Whether members may open rooms; else the site opens them.",
    "push": "Null: this server sends no push messages.",
    "reports": "Whether messages can be reported.",
    "room_page_size": "Rooms in a page of the list.",
    "types": "Content types that files may have.",
    "features": "What this server offers.",
    "archived": "Whether the caller has put it away, out of the list, until the next message.",
    "attachments": "The files of the message.",
    "before": "Only messages with a lower id; without it the newest.",
    "client_id": "Any string that the sender chose, unique among their messages in this room. "
    "Sent again it stores nothing and answers with the message that is there.",
    "code": "What went wrong, for programs.",
    "content_type": "What the bytes really are.",
    "context": "What the room is about, such as `listing:55`: two people have one room for each.",
    "counter": "How many messages of others the user has not read, without muted rooms.",
    "counter_by_room": "How many of them are in this room; a muted one has its number too.",
    "count": "How many there are on all pages.",
    "created_at": "When it came to be: UTC, with microseconds.",
    "data": "The bytes in strict base64, with or without a `data:…;base64,` head.",
    "deleted": "Ids of the messages that were deleted since.",
    "delivered": "The message up to which the member has received all.",
    "detail": "What went wrong, for people.",
    "epoch": "Names this life of the database: a cursor from another one is not valid any more.",
    "emoji": "Any string of at most 32 code points.",
    "expires_at": "When the token that counts now expires.",
    "expires_in": "For how many seconds the URL works.",
    "file": "One file.",
    "file_name": "The name, made safe.",
    "file_path": "Names an upload that is finished.",
    "file_url": "Works in an `<img>` of any page, without a header, until it expires.",
    "files": "Several files.",
    "first_user_profile": "One member of a room of two, for who asks with `profile_id`.",
    "second_user_profile": "The other one.",
    "first_user": "The caller; may be left out.",
    "from_this_user": "Whether the caller sent it.",
    "has_more": "Whether there are more beyond this page.",
    "headers": "What to send along with the PUT.",
    "id": "The same as `room_id`.",
    "last_message": "The newest message, null where there is none.",
    "last_seen": "When the user came online or went offline for the last time: UTC, with "
    "microseconds; null where he was never here.",
    "limit": "How many at most.",
    "members": "Everybody in the room, the caller included.",
    "message": "The message as it is now.",
    "message_id": "A message of this room.",
    "messages": "Messages, oldest first.",
    "muted": "Whether the caller wants no notice of it.",
    "name": "What the person is called.",
    "next": "The URL of the next page, null on the last.",
    "online": "Whether the user has any socket open, on any device.",
    "picture": "The URL of a picture of the person.",
    "presigned_url": "Where to PUT the bytes.",
    "previous": "The URL of the page before, null on the first.",
    "on": "Whether it shall be there; left out or null, it is turned round.",
    "reactions": "The emoji under it, the first one first.",
    "read": "The message up to which the member has read all.",
    "receipts": "How far each member has received and read.",
    "reply_to": "The message of this room that it answers.",
    "reset": "The client must drop what it has: this is the newest page, not what was missed.",
    "results": "The rooms of this page.",
    "room_id": "The room.",
    "second_user": "The other one.",
    "sender_id": "Who sent it.",
    "sender_status": "Whether the sender has any socket open, as of this frame.",
    "size": "The number of bytes.",
    "status": "`send`: stored. `delivered`: a device of every recipient has it. `read`: every "
    "recipient has seen it. It never goes back.",
    "text": "The text, exactly as it was sent.",
    "title": "What the room is called.",
    "token": "A fresh token of the same user.",
    "type": "The content type.",
    "unread": "How many messages of others the caller has not read.",
    "updated_at": "When it was last changed: UTC, with microseconds.",
    "user_id": "The member.",
    "user_ids": "Whose it is, in the order in which they gave it.",
    "width": "Pixels of a picture across, after its orientation.",
    "height": "Pixels of a picture down, after its orientation.",
    "version": "The room's counter of changes after this one. The highest seen is the cursor for "
    "`after`.",
    # ---- where the word is used otherwise
    "Notice.created_at": "When that message was sent: UTC, with microseconds.",
    "Notice.last_message": "The text of the newest message there that is not read.",
    "Notice.sender_id": "Who sent it.",
    "Notice.updated_at": "When it was last changed: UTC, with microseconds.",
    "NotifiedNested.messages": "The counter and the rooms, as in the flat shape.",
    "UnreadCount.messages": "The 100 rooms with unread messages whose newest is the most recent.",
    "UserProfile.id": "The user's id.",
    "UserProfile.username": "What the person is called.",
    "Notified.messages": "The 100 rooms with unread messages whose newest is the most recent.",
    "NewMember.user_id": "Somebody who is not in the room yet.",
    "Alive.status": "`ok`.",
    "About.title": "What the thing is called.",
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
    "Edit.data": "Other custom data; left out or null, it stays.",
    "Edit.text": "The new text; may be left out where there is other data.",
    "Act.id": "The button's id.",
    "ButtonPress.id": "The button's id.",
    "ButtonPressed.id": "The button's id.",
    "Button.id": "Names the button for `act`; left out where it is a link.",
    "Chosen.id": "The button's id.",
    "Chosen.user_id": "Who pressed it.",
    "Chosen.at": "When: UTC, with microseconds.",
    "MessageReport.text": "More words, for people.",
    "History.at": "Messages around the first one at or after this time (RFC 3339).",
    "Config.attachments": "Which files a message may have.",
    "Me.user_id": "The caller.",
    "Me.expires_at": "When the caller's token expires; null where it does not.",
    "Block.user_id": "Who is blocked.",
    "BlockPage.results": "Whom the caller has blocked, the latest first.",
    "MessagePatch.text": "The new text.",
    "Error.action": "The action that failed, where it is known.",
    "Error.client_id": "Its `client_id`, where there was one.",
    "Error.message": "What went wrong, for people.",
    "Error.message_id": "The message it was about, where there was one.",
    "File.name": "The file's name. Needed without `file_path`.",
    "File.size": "The number of bytes. Needed without `file_path`.",
    "File.type": "The declared content type; under `application/octet-stream` the bytes decide. "
    "Needed without `file_path`.",
    "FileUploaded.message": "The text; may be empty.",
    "LastMessage.content": "The text of the message.",
    "Message.version": "The version of the room at the message's last change.",
    "Quote.text": "Its text as it is now, cut at 140 code points; null once it is deleted.",
    "Reaction.count": "How many gave it.",
    "Ready.broker": "What carries news between processes.",
    "Ready.bucket": "Where the files lie.",
    "Ready.database": "Where rooms and messages lie.",
    "SearchPage.next": "Where older ones are looked for; null where there are none.",
    "SearchPage.results": "The messages of this page, newest first.",
    "Send.message": "The text; may be empty where there is a file.",
    "UploadWish.name": "The file's name.",
    "UploadWish.type": "The declared content type.",
    "UploadOffered.file_name": "The file's name, as it was given.",
    "UploadOffered.file_path": "Goes into `file_uploaded`, once the bytes are there.",
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
