"""More mutations: of what a site adds to rooms and messages, and of the codes that end floods."""

import json
from typing import Any

from .broken import Frame, Wire
from .mutations import Broken, is_a


class LosesData(Broken):
    promise = "messages"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message", "message_edited"):
            frame["message"].pop("data", None)
        return [frame]


class ForgetsWhoChose(Broken):
    promise = "messages"
    needs_site = True

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "message_edited"):
            frame["message"].pop("chosen", None)
        return [frame]


class ThawsEverything(Broken):
    """A frozen room is said to be frozen, and takes messages all the same."""

    promise = "refusals"
    needs_site = True

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        path = wire.scope["path"]
        if status == 403 and path.endswith("/messages/") and wire.scope["method"] == "POST":
            return 201, headers, b"{}"
        return status, headers, body


class HidesWhatARoomIsAbout(Broken):
    promise = "http"
    needs_site = True
    check = "what a room is about"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and "/chat/rooms/" in wire.scope["path"] and b'"about"' in body:
            shown = json.loads(body)
            shown.pop("about", None)
            body = json.dumps(shown).encode()
        return status, headers, body


class EndsFloodsWithTheWrongCode(Broken):
    promise = "authentication"
    limits = (50.0, 200, 0.3)

    def closes(self, code: int, wire: Wire) -> int:
        return 1000 if code == 4029 else code


class ListsNoBlocks(Broken):
    promise = "isolation"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and wire.scope["path"].endswith("/blocks/"):
            body = b'{"results": [], "next": null}'
        return status, headers, body


class CutsExportsOff(Broken):
    promise = "http"
    check = "an export is the callers"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and wire.scope["path"].endswith("/export/"):
            body = b"\n".join(body.splitlines()[:-1]) + b"\n"
        return status, headers, body


class FiltersNothing(Broken):
    promise = "http"
    check = "filters of the room list"

    def connects(self, wire: Wire) -> None:
        if wire.scope["path"].endswith("/receive/"):
            wire.scope["query_string"] = wire.scope["query_string"].partition(b"&")[0]
