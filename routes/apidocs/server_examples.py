"""Words on the fields of the server API, and an example of each body."""

from typing import Any

SERVER_WORDS = {
    "about": "What the room is about, as the site says.",
    "actions": "Buttons under the message, at most five.",
    "banned": "Until when and why, `false` for somebody who is not banned.",
    "bytes": "Of all attachments.",
    "data": "A JSON object of the site, at most 4 KiB, returned as it was given.",
    "day": "A day of UTC, such as `2026-11-28`.",
    "days": "The last 30 days; one without messages is missing.",
    "email": "For the site alone.",
    "frozen": "Whether the room is read-only for its members.",
    "language": "A language tag such as `uk`.",
    "note": "For the other moderators.",
    "price": "As it is to be shown.",
    "reason": "For the site alone.",
    "reporter_id": "Who reported it.",
    "rooms": "How many there are.",
    "sender": "The member who sends it; null or left out, it is the site itself.",
    "sockets": "Open ones, of the process that answers.",
    "state": "`open` or `resolved`.",
    "at": "When it was reported: UTC, with microseconds.",
    "ttl": "For how many seconds; an hour where it is left out.",
    "until": "RFC 3339 with a time zone; null is for good.",
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
    "TokenWish": {"day": {"ttl": 86_400}},
    "BanWish": {"a while": {"until": "2030-01-01T00:00:00Z", "reason": "spam"}},
    "SiteReportPatch": {"resolved": {"state": "resolved", "note": "warned"}},
}
