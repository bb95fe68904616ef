"""Examples of the documentation: one wire form for each type, by the type's name."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import asdict, replace

from ...protocol import codec
from ...protocol.events import (
    About,
    Attachment,
    AuthRenewed,
    Button,
    ButtonPressed,
    Chosen,
    Error,
    FileSummary,
    HistoryPage,
    Message,
    MessageDeleted,
    MessageDelivered,
    MessageEdited,
    MessageReacted,
    MessageRead,
    MessageSent,
    Notice,
    Notified,
    NotifiedNested,
    Pong,
    PresenceChanged,
    Quote,
    Reaction,
    Receipt,
    ReceiptMoved,
    RoomChanged,
    RoomDeleted,
    Sync,
    Typed,
    UnreadCount,
    UploadOffered,
)
from ...settings import Settings
from ..blocks import Block, BlockPage
from ..config import config_of
from ..health import Alive, Ready
from ..me import Me
from ..messages import MessagePage, Reactions
from ..room_shapes import (
    LastMessage,
    Member,
    RoomListed,
    RoomOpened,
    RoomPage,
    RoomShown,
    UserProfile,
)
from ..search import SearchPage
from .server_examples import SERVER_EXAMPLES

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
SITE = "https://chat.example.com"
KEY = "9c1f6a0e5b7d42c8a3e1f0967d5b24c8"
UPLOAD = f"uploads/{KEY}"
SIGNED = "expires=1747148400&signature=f0Zb3mWcVq8sT1yKx7nLr5uJ2dPg9hEaB4iQoXtSv6M"
CREATED, UPDATED = "2025-05-12T15:09:23.065265+00:00", "2025-05-12T15:11:02.310882+00:00"

ATTACHMENT = Attachment(
    f"{SITE}/files/{KEY}/dot.png?type=image/png&{SIGNED}", "dot.png", "image/png", 70, 16, 16
)
MESSAGE = Message("Hello", 63, 7, "send", CREATED, CREATED, [], 4, 412, "5f0c3a52")
WITH_FILE = replace(MESSAGE, text="A dot", attachments=[ATTACHMENT])
DELIVERED, READ = replace(MESSAGE, status="delivered"), replace(MESSAGE, status="read")
EDITED = replace(MESSAGE, text="Hello, Ada", version=413, updated_at=UPDATED)
THUMBS = Reaction("👍", 2, [7, 2])
QUOTE = Quote(63, 7, "Hello")
REPLY = replace(MESSAGE, text="Hi", message_id=64, sender_id=2, reply_to=QUOTE, reactions=[THUMBS])
OFFER = UploadOffered(
    f"{SITE}/files/{UPLOAD}?type=application/zip&size=8400000&{SIGNED}",
    UPLOAD,
    "garden.zip",
    "The garden",
    None,
    {"Content-Type": "application/zip"},
    900,
)
LAST = LastMessage("Hello", CREATED, True, 63, 7, "read")
MEMBERS = [
    Member(2, "Ada", f"{SITE}/ada.png", True, CREATED),
    Member(7, "Bob", None, False, None),
]
LISTED = RoomListed(4, None, "listing:55", CREATED, MEMBERS, 0, LAST)
SHOWN = RoomShown(**asdict(LISTED), muted=True, archived=False, version=412, can=["send", "delete"])

NOTICE = Notice(93, 9, "Hello", "delivered", 7, "online", CREATED, CREATED)

BLOCK = Block(9, CREATED)
CONFIG = config_of(Settings())

ACCEPT = Button("Accept", "accept", "primary", True)
CHOSEN = Chosen("accept", 2, UPDATED)
DATA = Raw(b'{"offer":55,"price":"120"}')
OFFERED = replace(MESSAGE, text="120 for the garden?", data=DATA, actions=[ACCEPT])
DECIDED = replace(OFFERED, version=413, updated_at=UPDATED, actions=UNSET, chosen=CHOSEN)
SYSTEM = replace(MESSAGE, text="Welcome", sender_id=None, kind="system", client_id=UNSET)

ABOUT = About("A garden", f"{SITE}/55", price="120 EUR")

OPENED = RoomOpened(4, 4, [2, 7], None, "listing:55", CREATED, ["send", "delete"], ABOUT)

# Requests are written as clients send them, answers as the server sends them.
EXAMPLES: dict[str, dict[str, Any]] = {
    "Send": {
        "text": {"action": "send", "message": "Hello"},
        "text, safe to repeat": {"action": "send", "message": "Hello", "client_id": "5f0c3a52"},
        "file": {
            "action": "send",
            "message": "A dot",
            "file": {"name": "dot.png", "size": 70, "type": "image/png", "data": PNG},
        },
        "finished upload": {"action": "send", "files": [{"file_path": UPLOAD}]},
        "reply": {"action": "send", "message": "Hi", "reply_to": 63},
        "data": {"action": "send", "message": "Size 42", "data": {"size": 42}},
        "request to upload": {
            "action": "send",
            "message": "The garden",
            "file": {"name": "garden.zip", "size": 8_400_000, "type": "application/zip"},
        },
    },
    "FileUploaded": {
        "upload": {"action": "file_uploaded", "file_path": UPLOAD, "message": "The garden"}
    },
    "File": {
        "bytes": {"name": "dot.png", "size": 70, "type": "image/png", "data": PNG},
        "finished upload": {"file_path": UPLOAD},
    },
    "Edit": {"edit": {"action": "edit", "message_id": 63, "text": "Hello, Ada"}},
    "Act": {
        "press": {"action": "act", "message_id": 63, "id": "accept"},
        "with parameters": {
            "action": "act",
            "message_id": 63,
            "id": "accept",
            "params": {"price": "120"},
        },
    },
    "MessageReport": {"spam": {"reason": "spam", "text": "The same in every room."}},
    "ButtonPress": {"press": {"id": "accept"}},
    "ButtonPressed": {"pressed": ButtonPressed(63, "accept")},
    "MessagePressed": {"chosen": DECIDED},
    "Button": {"action": ACCEPT, "link": Button("Terms", url=f"{SITE}/terms")},
    "Chosen": {"accepted": CHOSEN},
    "About": {"listing": ABOUT},
    "Delete": {"delete": {"action": "delete", "message_id": 63}},
    "React": {
        "there": {"action": "react", "message_id": 63, "emoji": "👍", "on": True},
        "turned round": {"action": "react", "message_id": 63, "emoji": "👍"},
    },
    "History": {
        "page": {"action": "history", "before": 63, "limit": 50},
        "around a message": {"action": "history", "around": 63},
        "around a time": {"action": "history", "at": "2025-05-12T15:00:00Z"},
    },
    "Read": {"read": {"action": "read", "message_id": 63}},
    "Auth": {"token": {"action": "auth", "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"}},
    "Typing": {"typing": {"action": "typing"}},
    "Ping": {"ping": {"action": "ping"}},
    "Message": {"message": MESSAGE, "reply": REPLY, "offer": OFFERED, "of the site": SYSTEM},
    "Quote": {"quote": QUOTE, "of a deleted message": Quote(62, 7, None)},
    "Reaction": {"thumbs": THUMBS},
    "Attachment": {"picture": ATTACHMENT},
    "FileSummary": {"picture": FileSummary("dot.png", "image/png", 70)},
    "Receipt": {"receipt": Receipt(2, 63, 61)},
    "MessageSent": {
        "text": MessageSent(412, MESSAGE),
        "file": MessageSent(412, WITH_FILE),
    },
    "MessageDelivered": {"delivered": MessageDelivered(DELIVERED)},
    "MessageRead": {"read": MessageRead(READ)},
    "MessageEdited": {"edited": MessageEdited(413, 63, EDITED.text, EDITED)},
    "MessageDeleted": {"deleted": MessageDeleted(414, 63)},
    "MessageReacted": {"thumbs": MessageReacted(413, 63, [THUMBS])},
    "ReceiptMoved": {"receipt": ReceiptMoved(4, 2, 63, 63)},
    "Typed": {"typing": Typed(2, 4)},
    "RoomChanged": {"room": RoomChanged(4, [2, 7, 9], "Garden")},
    "PresenceChanged": {"offline": PresenceChanged(2, False, UPDATED)},
    "Notice": {"room": NOTICE},
    "Notified": {"counters": Notified(55, [NOTICE])},
    "UnreadCount": {"counters": UnreadCount(55, [NOTICE])},
    "NotifiedNested": {"counters": NotifiedNested(UnreadCount(55, [NOTICE]))},
    "RoomDeleted": {"room": RoomDeleted(4)},
    "Sync": {"sync": Sync("k3f9", 412, [MESSAGE], [61, 62], [Receipt(2, 63, 61)], False)},
    "HistoryPage": {
        "page": HistoryPage([READ], True),
        "around": HistoryPage([READ], True, False),
    },
    "UploadOffered": {"offer": OFFER},
    "AuthRenewed": {"renewed": AuthRenewed(UPDATED)},
    "Pong": {"pong": Pong()},
    "Error": {
        "forbidden": Error("You may not do this.", "forbidden", "edit", message_id=63),
        "too long": Error("The text is too long.", "too_long", "send", client_id="5f0c3a52"),
    },
    "NewRoom": {
        "two people": {"second_user": 7},
        "two people, about something": {"second_user": 7, "context": "listing:55"},
        "several": {"members": [2, 7, 9], "title": "Garden"},
    },
    "RoomOpened": {"room": OPENED},
    "Member": {"ada": MEMBERS[0]},
    "LastMessage": {"message": LAST},
    "RoomListed": {"room": LISTED},
    "UserProfile": {"ada": UserProfile(2, "Ada", f"{SITE}/ada.png")},
    "RoomShown": {"room": SHOWN},
    "NewUpload": {
        "file": {"room_id": 4, "name": "garden.zip", "size": 8_400_000, "type": "application/zip"}
    },
    "NewMember": {"somebody": {"user_id": 9}},
    "RoomEdit": {
        "for oneself": {"muted": True, "archived": True},
        "for all": {"title": "Garden"},
    },
    "RoomPage": {"page": RoomPage(1, None, None, [LISTED])},
    "MessagePatch": {"text": {"text": "Hello, Ada"}},
    "Reactions": {"thumbs": Reactions([THUMBS])},
    "Block": {"somebody": BLOCK},
    "BlockPage": {"page": BlockPage([BLOCK], None)},
    "Me": {"ada": Me(2, "Ada", f"{SITE}/ada.png", UPDATED)},
    "Config": {"defaults": CONFIG},
    "ClientLimits": {"defaults": CONFIG.limits},
    "AttachmentRules": {"defaults": CONFIG.attachments},
    "Features": {"defaults": CONFIG.features},
    "MessagePage": {"page": MessagePage([READ], False)},
    "SearchPage": {
        "page": SearchPage(
            [READ], f"{SITE}/api/v1/chat/search/?q=hello&cursor=5oZ2lq0bJ1Vd3mZkqQ0x4g"
        ),
        "nothing": SearchPage([], None),
    },
    "Alive": {"alive": Alive("ok")},
    "Ready": {"ready": Ready("ok", "ok", "ok")},
    "Refused": {"not found": {"detail": "There is nothing here.", "code": "not_found"}},
}


def examples_of(kind: str) -> dict[str, Any]:
    """Return the type's examples in JSON, each by a name for people."""
    return {
        name: msgspec.json.decode(codec.encode(example))
        for name, example in EXAMPLES.get(kind, SERVER_EXAMPLES.get(kind, {})).items()
    }
