"""Mutations of HTTP answers: pages, headers, files, search, and what requests may leave open."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .broken import Frame, Wire
from .mutations import Broken, is_a, of_json


def without(wire: Wire, *names: str) -> None:
    """Takes parameters out of the query."""
    pairs = parse_qsl(wire.scope["query_string"].decode(), keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in names]
    wire.scope["query_string"] = urlencode(kept).encode()


def without_header(wire: Wire, name: bytes) -> None:
    headers = [(key, value) for key, value in wire.scope["headers"] if key != name]
    wire.scope["headers"] = headers


class Rewriting(Broken, is_listed=False):
    """Changes the JSON of answers whose path ends in one way; each subclass says how."""

    promise = "http"
    ending = ""

    def change(self, body: Any, wire: Wire) -> Any:
        raise NotImplementedError

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status >= 300 or not wire.scope["path"].endswith(self.ending):
            return status, headers, body
        found = of_json(body)
        if isinstance(found, dict):
            body = json.dumps(self.change(found, wire)).encode()
        return status, headers, body


class LetsAnswersBeStored(Broken):
    promise = "http"
    check = "titles"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        return status, {k: v for k, v in headers.items() if k != "cache-control"}, body


class RefusesUnknownFields(Broken):
    promise = "http"
    check = "unknown fields are ignored"
    timeout = 1.0

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        return {"action": "nonsense"} if "nonsense" in frame else frame


class ForgetsCursors(Broken):
    promise = "http"
    check = "pages of the room list"

    def connects(self, wire: Wire) -> None:
        if wire.scope["path"].endswith("/receive/"):
            without(wire, "cursor")


class NamesNoProfiles(Broken):
    promise = "http"
    check = "profiles of the first client"

    def connects(self, wire: Wire) -> None:
        if wire.scope["path"].endswith("/receive/"):
            without(wire, "profile_id")


class LetsEverybodySetTitles(Rewriting):
    ending = "/"
    check = "titles"

    def change(self, body: Any, wire: Wire) -> Any:
        rights = body.get("can")
        is_silent = not rights or "edit_title" in rights
        return body if is_silent else body | {"can": [*rights, "edit_title"]}


class KeepsNoSuccessor(Rewriting):
    """When the creator has left, nobody may add members."""

    ending = "/"
    check = "members come and go"

    def change(self, body: Any, wire: Wire) -> Any:
        if "can" in body:
            body["can"] = [right for right in body["can"] if right != "add_member"]
        return body


class TellsNoReceiptsOfNewMembers(Broken):
    promise = "http"
    check = "members come and go"
    timeout = 1.0

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        is_new = is_a(frame, "receipt") and str(frame["user_id"]).startswith("verify-fourth")
        return [] if is_new else [frame]


class LetsMembersLeaveRoomsOfTwo(Broken):
    promise = "http"
    check = "a room of two stays one"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        is_leaving = wire.scope["method"] == "DELETE" and "/members/" in wire.scope["path"]
        return (204, headers, b"") if status == 409 and is_leaving else (status, headers, body)


class SearchesTheOldestFirst(Rewriting):
    ending = "/search/"
    check = "search finds words"

    def change(self, body: Any, wire: Wire) -> Any:
        return body | {"results": body["results"][::-1]}


class RepeatsPagesOfASearch(Rewriting):
    ending = "/search/"
    check = "pages of a search"

    def change(self, body: Any, wire: Wire) -> Any:
        return body | {"next": body["next"] and body["next"].partition("&cursor")[0]}


class SearchesAllRooms(Broken):
    promise = "http"
    check = "search finds words"

    def connects(self, wire: Wire) -> None:
        if wire.scope["path"].endswith("/search/"):
            without(wire, "room_id")


class ExportsWithoutFields(Broken):
    promise = "http"
    check = "an export is the callers"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        if status == 200 and wire.scope["path"].endswith("/export/"):
            body = body.replace(b'"muted"', b'"is_muted"')
        return status, headers, body


class ConfiguresWithoutLimits(Rewriting):
    ending = "/config/"
    check = "who one is and what is allowed"

    def change(self, body: Any, wire: Wire) -> Any:
        return body | {"limits": {k: v for k, v in body["limits"].items() if k != "max_members"}}


class IgnoresRanges(Broken):
    promise = "files"
    check = "pieces of a file"

    def connects(self, wire: Wire) -> None:
        without_header(wire, b"range")


class KnowsNoCopies(Broken):
    promise = "files"
    check = "pieces of a file"

    def connects(self, wire: Wire) -> None:
        without_header(wire, b"if-none-match")


class AnswersAnySize(Broken):
    promise = "files"
    check = "sizes of a picture"

    def connects(self, wire: Wire) -> None:
        if wire.scope["path"].startswith("/files/") and wire.scope["method"] == "GET":
            without(wire, "size")


class KeepsOtherPagesOut(Broken):
    """Nothing says to a browser that a page of another origin may upload."""

    promise = "files"
    check = "uploads of any page"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        kept = {k: v for k, v in headers.items() if not k.startswith("access-control-")}
        return status, kept, body


class ForgetsTheTextOfUploads(Broken):
    promise = "files"
    check = "uploads of any page"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        return [frame | {"message": None} if is_a(frame, "presigned_url") else frame]


class MeasuresNoPictures(Broken):
    promise = "files"
    check = "sizes of a picture"

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        if is_a(frame, "chat_message"):
            for attachment in frame["message"]["attachments"]:
                attachment.pop("width", None)
        return [frame]


class ShowsTheBlockerOnline(Rewriting):
    promise = "isolation"
    check = "a block silences a direct room"
    ending = "/"

    def change(self, body: Any, wire: Wire) -> Any:
        for member in body.get("members", ()) if "muted" in body else ():
            member["online"] = True
        return body


class ListsNobodyOnline(Rewriting):
    ending = "/receive/"
    check = "the room list"

    def change(self, body: Any, wire: Wire) -> Any:
        for room in body["results"]:
            for member in room["members"]:
                member["online"] = False
        return body


class ListsNoStatuses(Rewriting):
    ending = "/receive/"
    check = "the room list"

    def change(self, body: Any, wire: Wire) -> Any:
        for room in body["results"]:
            if room["last_message"]:
                room["last_message"]["status"] = "send"
        return body


class SpeaksOneLanguage(Broken):
    promise = "http"
    check = "paths and methods"

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        refusal = b'{"detail": "There is nothing here.", "code": "not_found"}'
        is_other = wire.scope["path"].startswith("/uk/")
        return (404, headers, refusal) if is_other else (status, headers, body)
