"""Downloads and uploads by HTTP: pieces, copies that a client has, pictures, and other origins."""

import asyncio
import random
import struct
import zlib
from typing import Any

import httpx

from ..probe import ProbeSocket
from ..stage import Stage, check
from .files import PNG, inline, other_file

ORIGIN = "https://elsewhere.example"
WIDTH, HEIGHT = 400, 380  # of a picture that does not fit into the smallest thumbnail
THUMBNAIL = 360  # pixels
REMOVAL_TRIES = 40  # looks whether a deleted file is still there


def noise() -> bytes:
    """Return a grey PNG that no compression makes much smaller."""
    chance = random.Random(1)
    rows = b"".join(b"\0" + chance.randbytes(WIDTH) for _ in range(HEIGHT))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


async def send_file(socket: ProbeSocket, name: str, content: bytes, kind: str) -> dict[str, Any]:
    """Send a file in a frame, and return its attachment."""
    await socket.act("send", message=name, file=inline(name, content, kind))
    message = (await socket.expect("chat_message", message={"text": name}))["message"]
    attachment: dict[str, Any] = message["attachments"][0]
    return attachment


@check("files", "image/png")
async def check_pieces_of_a_file(stage: Stage) -> None:
    """`Range` is a piece of the file, and `If-None-Match` with its `ETag` is 304."""
    room = await stage.open_room()
    ending, data, kind = other_file(stage)
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        url = (await send_file(a, f"pieces{ending}", data, kind))["file_url"]

        async def get(**headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await stage.ada.http.get(url, headers=named, follow_redirects=True)

        piece = await get(range="bytes=2-5")
        found = piece.status_code, piece.content, piece.headers.get("content-range")
        stage.equal(found, (206, data[2:6], f"bytes 2-5/{len(data)}"), "Range is a piece of a file")
        last = await get(range="bytes=-4")
        stage.equal((last.status_code, last.content), (206, data[-4:]), "a range from the end")
        beyond = await get(range=f"bytes={len(data)}-")
        stage.equal(beyond.status_code, 416, "a range beyond the end is 416")
        etag = (await get()).headers.get("etag", "")
        stage.holds(etag, "a file has an ETag")
        same = await get(if_none_match=etag)
        stage.equal((same.status_code, same.content), (304, b""), "a file that is known is 304")
        other = await get(if_none_match='"another"')
        stage.equal(other.content, data, "another ETag is answered with the file")
        answer = await stage.ada.http.head(url, follow_redirects=True)
        head = answer.status_code, answer.headers.get("content-length"), answer.content
        stage.equal(head, (200, str(len(data)), b""), "HEAD works for files")
        damaged = await stage.ada.http.get(f"{url}0")
        stage.holds(damaged.status_code in (403, 404), "a damaged signature is refused", url)
        id_ = a.seen("chat_message")[-1]["message"]["message_id"]
        await a.act("delete", message_id=id_)
        await a.expect("message_deleted", message_id=id_)
        for _ in range(REMOVAL_TRIES):
            status = (await get()).status_code
            if status != 200:
                break
            await asyncio.sleep(0.25)
        stage.holds(status in (403, 404), "the link to a deleted message's file ends", status)


@check("files", "image/png", max_size=160_000, max_frame_size=300_000)
async def check_sizes_of_a_picture(stage: Stage) -> None:
    """A picture has its pixels, and a smaller picture for a list where the server makes one."""
    room, picture = await stage.open_room(), noise()
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        attachment = await send_file(a, "noise.png", picture, "image/png")
        pixels = attachment.get("width"), attachment.get("height")
        stage.equal(pixels, (WIDTH, HEIGHT), "a picture has its width and height")
        url = attachment["file_url"]
        answer = await stage.ada.http.get(f"{url}&size={THUMBNAIL}", follow_redirects=True)
        kind = answer.headers.get("content-type", "")
        found = answer.status_code, kind.startswith("image/")
        stage.equal(found, (200, True), f"size={THUMBNAIL} answers a picture")
        size = len(answer.content)
        stage.holds(size <= attachment["size"], "a thumbnail is not larger than its file", size)
        nosniff = answer.headers.get("x-content-type-options")
        stage.equal(nosniff, "nosniff", "a thumbnail is not to be sniffed")
        if answer.content == picture:
            stage.report.note("the server makes no thumbnails of PNG pictures")
        answer = await stage.ada.http.get(f"{url}&size={THUMBNAIL + 1}")
        found_code = answer.status_code, answer.json().get("code")
        stage.equal(found_code, (400, "invalid_frame"), "another size is invalid_frame")
        ending, data, kind = other_file(stage)
        if kind == "image/png":
            return
        plain = await send_file(a, f"plain{ending}", data, kind)
        stage.holds("width" not in plain, "a file that is no picture has no width", plain)
        answer = await stage.ada.http.get(f"{plain['file_url']}&size={THUMBNAIL}")
        found_text = answer.content if answer.status_code == 200 else data
        stage.equal(found_text, data, "where there is no thumbnail, the file comes")


@check("files", "image/png")
async def check_uploads_of_any_page(stage: Stage) -> None:
    """An upload repeats what was asked; any page may PUT the bytes, only its user may send them."""
    room = await stage.open_room()
    wish = {"name": "up.png", "size": len(PNG), "type": "image/png"}
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        await a.act("send", message="later", client_id="n1", file=wish)
        place = await a.expect("presigned_url")
        found = [place[name] for name in ("message", "client_id", "file_name")]
        stage.equal(found, ["later", "n1", "up.png"], "presigned_url repeats what was asked")
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT",
                   "Access-Control-Request-Headers": "content-type"}  # fmt: skip
        answer = await stage.ada.http.options(place["presigned_url"], headers=headers)
        allowed = answer.headers.get("access-control-allow-origin")
        stage.holds(
            answer.is_success and allowed in ("*", ORIGIN), "pages of any origin may PUT", allowed
        )
        short = await stage.ada.http.put(
            place["presigned_url"], content=PNG[:-1], headers=place["headers"]
        )
        if short.is_success:  # a bucket that takes any length: the server looks at it afterwards
            error = await a.refusal("file_uploaded", file_path=place["file_path"], message="short")
            stage.equal(error["code"], "file_invalid", "fewer bytes than declared are file_invalid")
        await a.act("send", message="again", file=wish)
        place = await a.expect("presigned_url", message="again")
        answer = await stage.ada.http.put(
            place["presigned_url"], content=PNG, headers=place["headers"] | {"Origin": ORIGIN}
        )
        stage.holds(answer.is_success, "the upload address takes the bytes", answer.text)
        error = await b.refusal("file_uploaded", file_path=place["file_path"], message="not mine")
        stage.equal(error["code"], "file_missing", "another user's upload is file_missing")
        await b.settle()
        stage.equal(b.seen("chat_message"), [], "nothing is shown before file_uploaded")
