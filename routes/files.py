"""Files behind signed, expiring URLs: the signature permits the request, without a token."""

import asyncio
import logging
import time
from contextlib import aclosing
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..chat.attachments import links
from ..chat.attachments.headers import LINK_HEADERS, headers
from ..chat.attachments.links import DownloadLink
from ..chat.attachments.names import safe_name
from ..chat.attachments.service import Attachments
from ..chat.attachments.thumbnails import SIZES, Thumbnail
from ..protocol.errors import FileInvalid, Forbidden, InvalidFrame, NotFound, StorageUnavailable
from ..store import uploads
from ..store.objects.bucket import BucketUnavailable, ObjectMissing, ObjectTooLarge
from .file_response import Content, InMemory, ObjectResponse, OpenFile, etag_of, has_current
from .requests import bodies_of, chat_of

log = logging.getLogger("roomcast.files")

ANYWHERE = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = ANYWHERE | {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


async def get(request: Request) -> Response:
    """Returns the bytes and their type. Browsers show harmless types and save all others.

    `size` asks for a thumbnail of a picture, if the picture is larger.
    """
    request.state.headers = ANYWHERE
    attachments = chat_of(request).attachments
    link = links.download_of(
        attachments.secret, request.path_params["path"], request.query_params, time.time()
    )
    size = _size_of(request)
    try:
        if size is not None:
            thumbnail = await attachments.thumbnails.get(link.key, link.content_type, size)
            if thumbnail is not None:
                return _answer_thumbnail(request, link, thumbnail)
        return await _answer_object(request, link)
    except ObjectMissing:
        raise NotFound("This file was deleted.") from None
    except (BucketUnavailable, OSError) as error:
        log.warning("file not readable: key=%s error=%s", link.key, error)
        raise StorageUnavailable from error


def _size_of(request: Request) -> int | None:
    """Return the size of the thumbnail. Raises InvalidFrame for a size that is not offered."""
    given = request.query_params.get("size")
    if given is None:
        return None
    if given not in map(str, SIZES):
        raise InvalidFrame(f"size: one of {', '.join(map(str, SIZES))}.")
    return int(given)


def _answer_thumbnail(request: Request, link: DownloadLink, thumbnail: Thumbnail) -> Response:
    kind = thumbnail.content_type
    sent = headers(kind, safe_name(link.name, kind))
    if has_current(request.headers, thumbnail.etag):
        return Response(status_code=304, headers=_of_the_same(sent) | {"ETag": thumbnail.etag})
    return ObjectResponse(InMemory(thumbnail.content), thumbnail.etag, sent)


async def _answer_object(request: Request, link: DownloadLink) -> Response:
    """Answer the object, or a redirect to it in the bucket."""
    attachments = chat_of(request).attachments
    sent, etag = headers(link.content_type, link.name), etag_of(link.key)
    is_direct = chat_of(request).settings.attachments.direct_downloads
    url = attachments.bucket.get_url(request.method, link.key, sent) if is_direct else None
    if url is not None:
        return RedirectResponse(url, 307, headers=ANYWHERE | LINK_HEADERS)
    if has_current(request.headers, etag) and await attachments.bucket.stat(link.key):
        return Response(status_code=304, headers=_of_the_same(sent) | {"ETag": etag})
    return ObjectResponse(await _open(attachments, link.key), etag, sent)


def _of_the_same(sent: dict[str, str]) -> dict[str, str]:
    """Return the headers that an answer without the bytes repeats."""
    return {name: value for name, value in sent.items() if not name.startswith("Content-T")}


async def _open(attachments: Attachments, key: str) -> Content:
    """Return the object: an open file of this machine, or the bytes from the bucket."""
    path = await attachments.bucket.path(key)
    if path is None:
        return InMemory(await attachments.bucket.read(key))
    try:
        return await asyncio.to_thread(OpenFile, path)
    except FileNotFoundError:
        raise ObjectMissing from None


async def put(request: Request) -> Response:
    """Stores the bytes of an upload, as many as declared. `send` then examines their type."""
    request.state.headers = ANYWHERE
    attachments = chat_of(request).attachments
    link = links.upload_of(
        attachments.secret, request.path_params["path"], request.query_params, time.time()
    )
    await _check_open(request, link.key)
    bodies = bodies_of(request)
    try:
        with bodies.of_upload(link.key):
            async with aclosing(bodies.stream(request)) as body:
                size = await attachments.bucket.put_stream(link.key, body, link.size)
        if size != link.size:
            raise ObjectTooLarge
        await _check_open(request, link.key)  # it may have been sent or removed meanwhile
    except (ObjectTooLarge, Forbidden) as error:
        await attachments.bucket.delete([link.key])
        if isinstance(error, Forbidden):
            raise
        raise FileInvalid(f"Exactly {link.size:,} bytes were declared.") from None
    except BucketUnavailable as error:
        raise StorageUnavailable from error
    return Response(status_code=200, headers=ANYWHERE)


async def _check_open(request: Request, key: str) -> None:
    now = time.time_ns() // 1000
    if not await chat_of(request).store.read(partial(uploads.is_open, key=key, now=now)):
        raise Forbidden("This upload is over.")


async def options(request: Request) -> Response:
    """Answers the CORS preflight: pages of any origin may upload to a signed URL."""
    return Response(status_code=204, headers=PREFLIGHT)


# fmt: off
routes = [
    Route("/files/{path:path}", get,     methods=["GET"]),
    Route("/files/{path:path}", put,     methods=["PUT"]),
    Route("/files/{path:path}", options, methods=["OPTIONS"]),
]
