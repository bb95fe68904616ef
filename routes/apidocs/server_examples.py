"""Descriptions of the fields of the server API, and an example of each body."""

from typing import Any

SERVER_WORDS = {
    "about": "What the room is about, as the site says.",
    "actions": "Buttons under the message, at most five.",
    "banned": "The end and the reason of the ban; `false` if the user is not banned.",
    "bytes": "Of all attachments.",
    "data": "A JSON object of the site, at most 4 KiB, returned as it was given.",
    "day": "A day of UTC, such as `2026-11-28`.",
    "days": "The last 30 days, without days that have no messages.",
    "email": "For the site alone.",
    "frozen": "Whether the room is read-only for its members.",
    "language": "A language tag such as `uk`.",
    "note": "For the other moderators.",
    "price": "The user's name, as it is shown to others.",
    "reason": "For the site alone.",
    "reporter_id": "Who reported it.",
    "rooms": "How many there are.",
    "sender": "The member who sends it; if null or left out, the site itself.",
    "sockets": "Open sockets of the process that answers.",
    "state": "`open` or `resolved`.",
    "at": "When it was reported: UTC, with microseconds.",
    "ttl": "Seconds until the token expires; an hour if left out.",
    "until": "RFC 3339 with a time zone; null: without an end.",
    "url": "An http or https address.",
    "users": "How many there are.",
}

SERVER_EXAMPLES: dict[str, dict[str, Any]] = {
    "SiteNewRoom": {
        "pair": {"members": [2, 7], "context": "listing:55", "title": "A red bicycle"},
        "group": {"members": [2, 7, 9], "title": "Hike"},
    },
    "SiteRoomPatch": {"title": {"title": "A blue bicycle"}, "frozen": {"frozen": True}},
    "SiteNewMember": {"somebody": {"user_id": 9}},
    "SiteNewMessage": {
        "site": {"text": "Your order has shipped", "client_id": "shipped:981"},
        "member": {"text": "Thank you!", "sender": 7},
    },
    "SiteMessagePatch": {"text": {"text": "Your order has arrived"}},
    "SiteUserPatch": {"profile": {"name": "Ada", "picture": "https://shop.example/ada.png"}},
    "NewToken": {"day": {"ttl": 86_400}},
    "NewBan": {"a while": {"until": "2030-01-01T00:00:00Z", "reason": "spam"}},
    "SiteReportPatch": {"resolved": {"state": "resolved", "note": "warned"}},
}
