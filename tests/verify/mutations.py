"""The mutations: each breaks one guarantee, and says which one verify must find broken."""

import json
from typing import Any, ClassVar

from .broken import Frame, Mutation, Wire

MUTATIONS: dict[str, type["Broken"]] = {}


class Broken(Mutation):
    """A mutation with the promise that it breaks; its name is that of its class."""

    promise: ClassVar[str]
    needs_site: ClassVar[bool] = False  # whether only verify with a key of the server API finds it
    limits: ClassVar[tuple[float, int, float]] = (0.0, 200, 10.0)  # rate, burst, grace
    timeout: ClassVar[float] = 3.0  # seconds for a frame that must come
    check: ClassVar[str] = ""  # the check that finds it, which then runs alone

    def __init_subclass__(cls, *, is_listed: bool = True) -> None:
        if is_listed:
            MUTATIONS[cls.__name__] = cls


def is_a(frame: Frame, *kinds: str) -> bool:
    return isinstance(frame, dict) and frame.get("type") in kinds


def every(wire: Wire, number: int, name: str = "count") -> bool:
    """True for each so-many-th call over all connections."""
    wire.shared[name] = wire.shared.get(name, 0) + 1
    return bool(wire.shared[name] % number == 0)


def of_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


# ---------------------------------------------------------------- messages


class LosesAFrame(Broken):
    promise = "nothing_lost"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [] if is_a(frame, "chat_message") and every(wire, 5) else [frame]


class LosesOneOfHundreds(Broken):
    """So seldom that the storm alone is sure to find it."""

    promise = "nothing_lost"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        is_live = is_a(frame, "chat_message") and " writes " in frame["message"]["text"]
        return [] if is_live and every(wire, 12) else [frame]


class LosesFilesOfTheStorm(Broken):
    """History shows the messages without the files that they were sent with."""

    promise = "nothing_lost"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        page = of_json(body)
        if isinstance(page, dict) and "messages" in page and "has_more" in page:
            for message in page["messages"]:
                message["attachments"] = []
            body = json.dumps(page).encode()
        return status, headers, body


class AcknowledgesWithoutStoring(Broken):
    """The sender gets a chat_message that nobody else ever sees."""

    promise = "nothing_lost"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        is_storm = is_a(frame) is False and " writes " in str(frame.get("message"))
        if not is_storm or not every(wire, 10):
            return frame
        wire.memory.setdefault("faked", []).append(frame)
        return {"action": "ping"}

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            wire.memory["last"] = frame
        if not is_a(frame, "pong") or not wire.memory.get("faked") or "last" not in wire.memory:
            return [frame]
        action = wire.memory["faked"].pop()
        last = wire.memory["last"]
        message = last["message"] | {
            "text": action["message"],
            "client_id": action["client_id"],
            "message_id": last["message"]["message_id"] + 1,
        }
        return [last | {"message": message}]


class DoublesAFrame(Broken):
    promise = "nothing_lost"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame, frame] if is_a(frame, "chat_message") and every(wire, 3) else [frame]


class SwapsFrames(Broken):
    promise = "one_order"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if not is_a(frame, "chat_message"):
            return [frame]
        held = wire.memory.pop("held", None)
        if held is not None:
            return [frame, held]
        if every(wire, 4):
            wire.memory["held"] = frame
            return []
        return [frame]


class SkipsAVersion(Broken):
    promise = "one_order"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message") and frame["version"] > 2:
            message = frame["message"] | {"version": frame["version"] + 1}
            return [frame | {"version": frame["version"] + 1, "message": message}]
        return [frame]


class TrimsTexts(Broken):
    promise = "nothing_lost"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        if isinstance(frame, dict) and isinstance(frame.get("message"), str):
            return frame | {"message": frame["message"].strip()}
        return frame


class ForgetsClientIds(Broken):
    promise = "nothing_doubled"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        if isinstance(frame, dict) and frame.get("action") == "send" and frame.get("client_id"):
            wire.memory[frame.get("message")] = frame["client_id"]
            return {k: v for k, v in frame.items() if k != "client_id"}
        return frame

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message") and frame["message"]["text"] in wire.memory:
            client_id = wire.memory[frame["message"]["text"]]
            return [frame | {"message": frame["message"] | {"client_id": client_id}}]
        return [frame]


class NoConflict(Broken):
    """Another text under a known client_id is answered as if it were the same."""

    promise = "nothing_doubled"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "error") and frame["code"] == "conflict":
            return [frame | {"code": "invalid_frame"}]
        return [frame]


class LosesEdits(Broken):
    promise = "messages"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        is_edit = isinstance(frame, dict) and frame.get("action") == "edit" and "text" in frame
        return {"action": "ping"} if is_edit else frame


class EditsReachTheSenderOnly(Broken):
    promise = "messages"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        if isinstance(frame, dict) and frame.get("action") == "edit":
            wire.memory["edits"] = True
        return frame

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame] if not is_a(frame, "message_edited") or "edits" in wire.memory else []


class KeepsDeletedMessages(Broken):
    """History shows what was deleted."""

    promise = "messages"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            wire.shared[frame["message"]["message_id"]] = frame["message"]
        if is_a(frame, "message_deleted"):
            kept = wire.shared.get(frame["message_id"])
            wire.shared.setdefault("deleted", []).append(kept)
        return [frame]

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        page = of_json(body)
        if isinstance(page, dict) and "messages" in page and "has_more" in page:
            rooms = {m["room_id"] for m in page["messages"]}
            back = [m for m in wire.shared.get("deleted", ()) if m and m["room_id"] in rooms]
            page["messages"] = sorted([*back, *page["messages"]], key=lambda m: m["message_id"])
            body = json.dumps(page).encode()
        return status, headers, body


class CountsReactionsWrongly(Broken):
    promise = "shapes"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "message_edited", "chat_message") or not is_a(frame, "message_reacted"):
            return [frame]
        more = [reaction | {"count": "many"} for reaction in frame["reactions"]]
        return [frame | {"reactions": more}]


class HistoryIsNewestFirst(Broken):
    promise = "messages"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "history"):
            return [frame | {"messages": frame["messages"][::-1]}]
        return [frame]


class QuotesTooMuch(Broken):
    promise = "messages"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message") and frame["message"].get("reply_to", {}).get("text"):
            frame["message"]["reply_to"]["text"] *= 2
        return [frame]


# ---------------------------------------------------------------- statuses


class ReadsForNobody(Broken):
    """A message is marked although no recipient has a socket."""

    promise = "true_statuses"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if not is_a(frame, "chat_message") or wire.query.get("receipts"):
            return [frame]
        message = frame["message"] | {"status": "delivered"}
        return [frame, {"type": "mark_message_as_delivered", "message": message}]


class MarksInTheWrongOrder(Broken):
    promise = "true_statuses"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "mark_message_as_delivered"):
            wire.memory[frame["message"]["message_id"]] = frame
            return []
        if is_a(frame, "mark_message_as_read"):
            held = wire.memory.pop(frame["message"]["message_id"], None)
            return [frame, held] if held else [frame]
        return [frame]


class SaysReadAtOnce(Broken):
    promise = "nothing_lost"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            return [frame | {"message": frame["message"] | {"status": "read"}}]
        return [frame]


class ReceiptsGoBack(Broken):
    promise = "true_statuses"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "receipt") and every(wire, 3):
            return [frame, frame | {"delivered": 0, "read": 0}]
        return [frame]


class ManualReceiptsRead(Broken):
    promise = "true_statuses"

    def connects(self, wire: Wire) -> None:
        query = wire.scope["query_string"].replace(
            b"receipts=manual%2Ccompact", b"receipts=compact"
        )
        wire.scope["query_string"] = query.replace(b"receipts=manual", b"receipts=")


# ---------------------------------------------------------------- resuming


class ForgetsAMessageInSync(Broken):
    promise = "resuming"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "sync") and len(frame["messages"]) > 1:
            return [frame | {"messages": frame["messages"][1:]}]
        return [frame]


class ForgetsDeletionsInSync(Broken):
    promise = "resuming"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame | {"deleted": []} if is_a(frame, "sync") else frame]


class NeverResets(Broken):
    promise = "resuming"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame | {"reset": False} if is_a(frame, "sync") else frame]


class ChangesTheEpoch(Broken):
    promise = "resuming"

    def connects(self, wire: Wire) -> None:
        pairs = wire.scope["query_string"].split(b"&")
        kept = [pair for pair in pairs if not pair.startswith(b"epoch=")]
        wire.scope["query_string"] = b"&".join(kept)

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "sync"):
            every(wire, 1)
            return [frame | {"epoch": f"{frame['epoch']}{wire.shared['count']}"}]
        return [frame]


class SyncIsAheadOfItself(Broken):
    """The sync's version is the highest of its messages plus one: one change is never sent."""

    promise = "resuming"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame | {"version": frame["version"] + 1} if is_a(frame, "sync") else frame]


class ForgetsReceiptsInSync(Broken):
    promise = "resuming"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame | {"receipts": []} if is_a(frame, "sync") else frame]


# ---------------------------------------------------------------- isolation, authentication


class LeaksAnotherRoom(Broken):
    promise = "isolation"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if not is_a(frame, "chat_message"):
            return [frame]
        texts = frame["message"]["text"].startswith(("here ", "there "))
        other = wire.shared.get("leak")
        wire.shared["leak"] = frame if texts else other
        is_other = other and other["message"]["room_id"] != frame["message"]["room_id"]
        return [other, frame] if texts and is_other else [frame]


class ShowsRoomsToStrangers(Broken):
    promise = "isolation"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 404 and wire.scope["path"].endswith("/messages/"):
            return 200, headers, b'{"messages": [], "has_more": false}'
        return status, headers, body


class KeepsTheRemoved(Broken):
    promise = "isolation"

    def closes(self, code: int, wire: Wire) -> int:
        return 1000 if code == 4003 else code


class TakesTokensFromTheQuery(Broken):
    promise = "authentication"

    def connects(self, wire: Wire) -> None:
        token = wire.query.get("token")
        names = [name for name, _ in wire.scope["headers"]]
        if token and b"authorization" not in names:
            header = (b"authorization", f"Bearer {token}".encode())
            wire.scope["headers"] = [*wire.scope["headers"], header]


class ClosesWithTheWrongCode(Broken):
    promise = "authentication"

    def closes(self, code: int, wire: Wire) -> int:
        return 4003 if code == 4001 else code


class ForgetsWwwAuthenticate(Broken):
    promise = "authentication"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        return status, {k: v for k, v in headers.items() if k != "www-authenticate"}, body


# ---------------------------------------------------------------- refusals, shapes


class RefusesWithTheWrongCode(Broken):
    promise = "refusals"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "error") and frame["code"] == "empty_message":
            return [frame | {"code": "invalid_frame"}]
        return [frame]


class RefusesWithoutSayingWhat(Broken):
    promise = "refusals"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "error"):
            return [{k: v for k, v in frame.items() if k not in ("client_id", "message_id")}]
        return [frame]


class WritesTimesWithoutZone(Broken):
    promise = "shapes"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            created = frame["message"]["created_at"].removesuffix("+00:00")
            return [frame | {"message": frame["message"] | {"created_at": created}}]
        return [frame]


class LeavesOutAField(Broken):
    promise = "shapes"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [{k: v for k, v in frame.items() if k != "text"}] if is_a(
            frame, "message_edited"
        ) else [frame]  # fmt: skip


# ---------------------------------------------------------------- the rest


class TypesToTheTypist(Broken):
    promise = "presence"

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        if isinstance(frame, dict) and frame.get("action") == "typing":
            wire.memory["types"] = True
        return frame

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message") and wire.memory.pop("types", False):
            room = frame["message"]["room_id"]
            return [{"type": "typing", "user_id": 0, "room_id": room}, frame]
        return [frame]


class HidesPresence(Broken):
    promise = "presence"
    check = "presence follows sockets"
    timeout = 1.0

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [] if is_a(frame, "presence") else [frame]


class CountsUnreadWrongly(Broken):
    promise = "http"
    check = "unread counts"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if not wire.scope["path"].rstrip("/").endswith("unread"):
            return status, headers, body
        unread = json.loads(body)
        for entry in unread["messages"]:
            entry["counter_by_room"] += 1
        return status, headers, json.dumps(unread).encode()


class NotifiesLate(Broken):
    """Only the first notify comes."""

    promise = "notifications"
    check = "notifications follow what is unread"
    timeout = 1.0

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "notify"):
            wire.memory["number"] = wire.memory.get("number", 0) + 1
            return [frame] if wire.memory["number"] == 1 else []
        return [frame]


class DamagesFiles(Broken):
    promise = "files"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        is_file = wire.scope["path"].startswith("/files/") and wire.scope["method"] == "GET"
        return status, headers, body[:-1] + b"!" if is_file and status == 200 else body


class LetsFilesBeSniffed(Broken):
    promise = "files"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        return status, {k: v for k, v in headers.items() if k != "x-content-type-options"}, body


class OpensTwoRoomsForAPair(Broken):
    promise = "http"
    check = "two members share one room"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and wire.scope["path"].endswith("/create/"):
            opened = json.loads(body)
            opened["room_id"] = opened["id"] = opened["room_id"] + 1_000_000
            return 201, headers, json.dumps(opened).encode()
        return status, headers, body


class ListsTheOldestFirst(Broken):
    promise = "http"
    check = "the room list"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        page = of_json(body)
        if isinstance(page, dict) and "count" in page and "results" in page:
            page["results"].reverse()
            return status, headers, json.dumps(page).encode()
        return status, headers, body


class PagesWithoutEnd(Broken):
    promise = "http"
    check = "pages of messages"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        page = of_json(body)
        if isinstance(page, dict) and page.get("has_more") is True:
            page["has_more"] = False
            return status, headers, json.dumps(page).encode()
        return status, headers, body


class ErrorsWithoutCode(Broken):
    promise = "http"
    check = "rooms that cannot be"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        return (status, headers, b'{"detail": "No."}') if status >= 400 else (status, headers, body)


class SearchIsDeaf(Broken):
    promise = "http"
    check = "search finds words"
    timeout = 1.0

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and wire.scope["path"].endswith("/search/"):
            return status, headers, b'{"results": [], "next": null}'
        return status, headers, body
