"""Mutations of frames: typing, notifications, reactions, tokens, and how sockets end."""

import json
from typing import Any

from .broken import Frame, Wire
from .mutations import Broken, is_a


class TypesWithEachKey(Broken):
    promise = "presence"
    check = "typing is limited"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame, frame, frame] if is_a(frame, "typing") else [frame]


class NotifiesAtEachChange(Broken):
    promise = "notifications"
    check = "notifications are joined"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame] * 12 if is_a(frame, "notify") else [frame]


class NestsAnotherCounter(Broken):
    promise = "notifications"
    check = "all shapes are equal"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "notify") and isinstance(frame["messages"], dict):
            frame["messages"]["counter"] += 1
        return [frame]


class NotifiesWithoutFiles(Broken):
    promise = "notifications"
    check = "what a notification shows"
    timeout = 1.0

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "notify"):
            for entry in frame["messages"]:
                if isinstance(entry, dict):
                    entry.pop("attachments", None)
        return [frame]


class SortsReactions(Broken):
    promise = "messages"
    check = "the order of reactions"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "message_reacted"):
            frame["reactions"].sort(key=lambda reaction: reaction["emoji"])
        return [frame]


class AllowsAnyReaction(Broken):
    promise = "messages"
    check = "limits of reactions"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "error") and frame.get("action") == "react":
            return [frame | {"code": "forbidden"}]
        return [frame]


class QuotesTheFirstText(Broken):
    """A quote keeps the text that the quoted message had at first."""

    promise = "messages"
    check = "replies quote their room only"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            message = frame["message"]
            wire.shared.setdefault(message["message_id"], message["text"][:140])
        return [frame]

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and b'"reply_to"' in body:
            page = json.loads(body)
            for message in page.get("messages", ()):
                quote = message.get("reply_to") or {}
                if quote.get("text"):
                    quote["text"] = wire.shared.get(quote["message_id"], quote["text"])
            body = json.dumps(page).encode()
        return status, headers, body


class NamesAnotherExpiry(Broken):
    promise = "messages"
    check = "a token is renewed on the socket"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "auth"):
            return [frame | {"expires_at": "2001-01-01T00:00:00.000000+00:00"}]
        return [frame]


class MarksAllThatIsOld(Broken):
    """A join tells the marks of the oldest messages too."""

    promise = "resuming"
    check = "the first frame without a cursor"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            wire.memory.setdefault("oldest", frame["message"])
        if is_a(frame, "mark_message_as_read") and "oldest" in wire.memory:
            oldest = wire.memory.pop("oldest")
            return [{"type": frame["type"], "message": oldest | {"status": "read"}}, frame]
        return [frame]


class ClosesWithoutAReason(Broken):
    promise = "authentication"
    check = "sockets end with the documented codes"

    def reasons(self, reason: str, wire: Wire) -> str:
        return ""


class KeepsAllForSlowReaders(Broken):
    promise = "authentication"
    check = "a slow reader is closed"
    is_absorbing = True
    timeout = 1.0


class SaysNotWhenToComeBack(Broken):
    promise = "refusals"
    check = "a flood is refused"
    limits = (50.0, 200, 10.0)

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        return status, {k: v for k, v in headers.items() if k != "retry-after"}, body


class LimitsWithoutSayingWhat(Broken):
    promise = "refusals"
    check = "a flood is refused"
    limits = (50.0, 200, 10.0)

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "error") and frame["code"] == "rate_limited":
            return [{k: v for k, v in frame.items() if k != "action"}]
        return [frame]


class ErasesNobody(Broken):
    promise = "http"
    check = "everything of a user is erased"
    timeout = 1.0
    needs_site = True

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [] if is_a(frame, "message_deleted") else [frame]


class ShowsWhoIsThereAtJoin(Broken):
    promise = "presence"
    check = "presence follows sockets"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if not is_a(frame, "sync"):
            return [frame]
        there = {"user_id": frame["receipts"][0]["user_id"], "online": True}
        moment = "2025-05-12T15:11:02.310882+00:00"
        return [frame, {"type": "presence", "last_seen": moment, **there}]


class Editing(Broken, is_listed=False):
    """Changes the message of each edit; each subclass says how."""

    promise = "messages"
    check = "an edit keeps the rest"

    def change(self, message: Frame) -> Frame:
        return message

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "message_edited"):
            return [frame | {"message": self.change(frame["message"])}]
        return [frame]


class EditsDropTheQuote(Editing):
    def change(self, message: Frame) -> Frame:
        return {name: value for name, value in message.items() if name != "reply_to"}


class EditsDropTheFiles(Editing):
    def change(self, message: Frame) -> Frame:
        return message | {"attachments": []}


class EditsDropTheReactions(Editing):
    def change(self, message: Frame) -> Frame:
        return {name: value for name, value in message.items() if name != "reactions"}


class EditsKeepTheirTime(Editing):
    def change(self, message: Frame) -> Frame:
        return message | {"updated_at": message["created_at"]}
