"""Files behind signed, expiring URLs: the link is the right, no token is needed."""

import asyncio
import os
import time
from functools import partial
from tempfile import TemporaryFile

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..chat.attachments import links
from ..chat.attachments.headers import LINK_HEADERS, headers
from ..chat.attachments.service import Attachments
from ..protocol.errors import FileInvalid, Forbidden, NotFound, StorageUnavailable
from ..store import uploads
from ..store.objects.bucket import BucketUnavailable, ObjectMissing, ObjectTooLarge
from .requests import chat_of

ANYWHERE = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = ANYWHERE | {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


async def get(request: Request) -> Response:
    """The bytes, with their type; shown in the browser only where that is harmless."""
    request.state.headers = ANYWHERE
    attachments = chat_of(request).attachments
    link = links.download_of(
        attachments.secret, request.path_params["path"], request.query_params, time.time()
    )
    sent = headers(link.content_type, link.name)
    is_direct = chat_of(request).settings.attachments.direct_downloads
    url = attachments.bucket.get_url(request.method, link.key, sent) if is_direct else None
    if url is not None:
        return RedirectResponse(url, 307, headers=ANYWHERE | LINK_HEADERS)
    try:
        return OpenedFile(await _opened(attachments, link.key), sent)
    except (FileNotFoundError, ObjectMissing):
        raise NotFound("This file was deleted.") from None
    except BucketUnavailable as error:
        raise StorageUnavailable from error


async def _opened(attachments: Attachments, key: str) -> int:
    """The object as an open file of this machine, whether it lies here or not."""
    path = await attachments.bucket.path(key)
    if path is not None:
        return await asyncio.to_thread(os.open, path, os.O_RDONLY)
    return await asyncio.to_thread(_kept, await attachments.bucket.read(key))


def _kept(content: bytes) -> int:
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return os.dup(file.fileno())


class OpenedFile(FileResponse):
    """A file that is open already: it may be deleted while it is sent."""

    def __init__(self, opened: int, headers: dict[str, str]) -> None:
        self._opened = opened
        super().__init__(f"/dev/fd/{opened}", stat_result=os.fstat(opened), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A server is never given the path: by the time it opens it, it may be another file's."""
        extensions = {**(scope.get("extensions") or {})}
        extensions.pop("http.response.pathsend", None)
        try:
            await super().__call__({**scope, "extensions": extensions}, receive, send)
        finally:
            os.close(self._opened)


async def put(request: Request) -> Response:
    """The bytes of an upload, as many as were declared. They are looked at when they are sent."""
    request.state.headers = ANYWHERE
    attachments = chat_of(request).attachments
    link = links.upload_of(
        attachments.secret, request.path_params["path"], request.query_params, time.time()
    )
    await _check_open(request, link.key)
    try:
        size = await attachments.bucket.put_stream(link.key, request.stream(), link.size)
        if size != link.size:
            raise ObjectTooLarge
        await _check_open(request, link.key)  # it may have been sent, or swept, meanwhile
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
    """A page from any origin may upload with its signed URL (CORS preflight)."""
    return Response(status_code=204, headers=PREFLIGHT)


# fmt: off
routes = [
    Route("/files/{path:path}", get,     methods=["GET"]),
    Route("/files/{path:path}", put,     methods=["PUT"]),
    Route("/files/{path:path}", options, methods=["OPTIONS"]),
]
