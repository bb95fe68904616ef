"""Files: inline, by an upload address, and everything that is refused."""

import base64
import uuid
from typing import Any

from ..shapes import STATUS_OF_CODE, UPLOAD, Fields, text
from ..stage import Stage, check

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = b"plain text, line one\nline two\n"


def inline(name: str, content: bytes, kind: str, **fields: Any) -> dict[str, Any]:
    """A file as it travels in a frame."""
    encoded = base64.b64encode(content).decode()
    return {"name": name, "size": len(content), "type": kind, "data": encoded} | fields


def other_file(stage: Stage) -> tuple[str, bytes, str]:
    """Return the ending, the bytes and the type of a file that is no PNG, if others are allowed."""
    allowed = stage.deployment.config.get("attachments", {}).get("types", ["text/plain"])
    return (".txt", TEXT, "text/plain") if "text/plain" in allowed else (".png", PNG, "image/png")


async def expect_download(stage: Stage, attachment: dict[str, Any], data: bytes) -> None:
    """The link works without a token, byte for byte, with the headers that make it safe."""
    answer = await stage.ada.http.get(attachment["file_url"], follow_redirects=True)
    stage.equal(answer.status_code, 200, "a file's link works without a token")
    stage.holds(answer.content == data, "a file comes back byte for byte", attachment)
    headers = answer.headers
    kind = headers.get("content-type", "").partition(";")[0]
    stage.equal(kind, attachment["content_type"], "a file is answered with its type")
    stage.equal(headers.get("x-content-type-options"), "nosniff", "a file is not to be sniffed")
    policy = headers.get("content-security-policy", "")
    stage.holds("default-src 'none'" in policy, "a file's policy allows nothing", policy)
    shown = headers.get("content-disposition", "").partition(";")[0]
    wanted = "inline" if kind.startswith("image/") else "attachment"
    stage.equal(shown, wanted, "images are shown inline, other files are not")


@check("files", "image/png", max_files=2)
async def check_files_in_a_frame(stage: Stage) -> None:
    """Bytes in base64, with and without the head of a data URL, one or several."""
    room = await stage.open_room()
    data_url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        await a.act("send", message="", file=inline("a dot.png", PNG, "image/png", data=data_url))
        message = (await b.expect("chat_message"))["message"]
        (attachment,) = message["attachments"] or [{}]
        found = [attachment.get(k) for k in ("file_name", "content_type", "size")]
        stage.equal(found, ["a dot.png", "image/png", len(PNG)], "an attachment says what it is")
        await expect_download(stage, attachment, PNG)
        path = attachment["file_url"].partition("?")[0]
        stage.holds(path.endswith(".png"), "the link carries the file's name", path)
        unsigned = await stage.ada.http.get(path)
        stage.holds(unsigned.status_code >= 400, "a link without its signature is refused", path)
        ending, content, kind = other_file(stage)
        both = [inline("b.png", PNG, "image/png"), inline(f"c{ending}", content, kind)]
        await a.act("send", message="two files", files=both)
        message = (await b.expect("chat_message", message={"text": "two files"}))["message"]
        names = [each["file_name"] for each in message["attachments"]]
        stage.equal(names, ["b.png", f"c{ending}"], "several files keep their order")
        await expect_download(stage, message["attachments"][1], content)
        await a.send_message("no file", file=None)
        await a.act("delete", message_id=message["message_id"])
        await a.expect("message_deleted")


@check("files", "image/png", max_files=2)
async def check_files_by_upload(stage: Stage) -> None:
    """Ask for an address, PUT the bytes, send the message; by socket and by HTTP."""
    room = await stage.open_room()
    wish = {"name": "up.png", "size": len(PNG), "type": "image/png"}
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        await a.act("send", message="later", client_id="n1", file=wish)
        place = await a.expect("presigned_url")
        await put(stage, place, PNG)
        await a.act("file_uploaded", file_path=place["file_path"], message="up", client_id="n2")
        message = (await a.expect("chat_message"))["message"]
        stage.equal(message["text"], "up", "file_uploaded sends the message")
        await expect_download(stage, message["attachments"][0], PNG)
        error = await a.refusal("file_uploaded", file_path=place["file_path"], message="again")
        stage.equal(error["code"], "file_missing", "an upload is sent once")
        shape = Fields(UPLOAD, {"type": text})
        place = await stage.ada.json(
            "POST", "chat/attachments/", shape, json={"room_id": room, **wish}
        )
        error = await a.refusal("file_uploaded", file_path=place["file_path"], message="early")
        stage.equal(error["code"], "file_missing", "an upload that is not there is file_missing")
        await put(stage, place, PNG)
        ending, content, kind = other_file(stage)
        files = [{"file_path": place["file_path"]}, inline(f"c{ending}", content, kind)]
        await a.act("send", message="mixed", files=files)
        message = (await a.expect("chat_message", message={"text": "mixed"}))["message"]
        sizes = [each["size"] for each in message["attachments"]]
        stage.equal(sizes, [len(PNG), len(content)], "uploads and inline files go together")


async def put(stage: Stage, place: dict[str, Any], data: bytes) -> None:
    """PUT the bytes where the server said."""
    answer = await stage.ada.http.put(
        place["presigned_url"], content=data, headers=place["headers"]
    )
    stage.holds(answer.is_success, "the upload address takes the bytes", answer.text)


@check("files", "image/png")
async def check_files_that_are_refused(stage: Stage) -> None:
    """Wrong types, wrong bytes, wrong sizes, too many; nothing of it is stored."""
    room = await stage.empty_room()
    cases = refused_files(stage)
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        for number, (what, fields, code) in enumerate(cases):
            error = await a.refusal("send", message=what, client_id=f"n{number}", **fields)
            found = error["code"], error.get("client_id")
            stage.equal(found, (code, f"n{number}"), f"{what} is {code}")
        await a.settle()
        stage.equal(a.seen("chat_message"), [], "what is refused reaches nobody")
    stage.equal(await stage.read_all(stage.ada, room), [], "what is refused is not stored")


def refused_files(stage: Stage) -> list[tuple[str, dict[str, Any], str]]:
    """Return fields of messages whose files are refused: what they are, and the code."""
    page = b"<!doctype html><html><script>alert(1)</script></html>"
    settings = stage.deployment.config.get("attachments", {})
    too_large = settings.get("max_size", 10 * 2**20) + 1
    too_many = [inline("a.png", PNG, "image/png")] * (settings.get("max_files", 10) + 1)
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("HTML", {"file": inline("a.html", page, "text/html")}, "file_type"),
        ("SVG", {"file": inline("a.svg", b"<svg></svg>", "image/svg+xml")}, "file_type"),
        ("a picture that is none", {"file": inline("a.png", TEXT, "image/png")}, "file_invalid"),
        ("bad base64", {"file": inline("a.png", PNG, "image/png", data="%%%")}, "file_invalid"),
        ("another size", {"file": inline("a.png", PNG, "image/png", size=5)}, "file_invalid"),
        ("a file without a name", {"file": {"size": 1, "type": "image/png"}}, "invalid_frame"),
        ("too many files", {"files": too_many}, "invalid_frame"),
        ("a file over the limit",
         {"file": {"name": "a.png", "size": too_large, "type": "image/png"}}, "file_too_large"),
        ("an upload that is not there", {"files": [{"file_path": f"uploads/{uuid.uuid4().hex}"}]},
         "file_missing"),
    ]  # fmt: skip
    return cases


@check("files", "image/png")
async def check_files_that_are_refused_over_http(stage: Stage) -> None:
    """Files over HTTP are refused with the codes of the socket, and uploads before they begin."""
    room = await stage.empty_room()
    for what, fields, code in refused_files(stage):
        if code == "file_too_large":  # without bytes, it asks a socket for an upload
            continue
        body = {"message": what, **fields}
        answer = await stage.ada.request("POST", f"chat/rooms/{room}/messages/", json=body)
        found = answer.status_code, answer.json().get("code")
        stage.equal(found, (STATUS_OF_CODE[code], code), f"a POST with {what} is {code}")
    stage.equal(await stage.read_all(stage.ada, room), [], "what is refused is not stored")
    wish = {"room_id": room, "name": "a.png", "size": len(PNG), "type": "image/png"}
    too_large = stage.deployment.config.get("attachments", {}).get("max_size", 10 * 2**20) + 1
    for changes, code in (
        ({"type": "text/html", "name": "a.html"}, "file_type"),
        ({"size": too_large}, "file_too_large"),
        ({"size": -1}, "invalid_frame"),
        ({"room_id": 2**52}, "not_found"),
    ):
        answer = await stage.ada.request("POST", "chat/attachments/", json=wish | changes)
        found = answer.status_code, answer.json().get("code")
        stage.equal(found, (STATUS_OF_CODE[code], code), f"an upload that is {code} is refused")
