"""Uploads: ask for a URL to which the bytes of a file may be PUT."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.rate_limit import UPLOAD_BYTES_PER_TOKEN
from ..protocol import actions
from ..protocol.actions import Send
from ..protocol.codec import decode_as
from ..protocol.ids import id_of
from .requests import Reply, base_of_request, body_of, bucket_of, caller_of, chat_of


class NewUpload(Struct):
    """A file to upload, for a message to this room."""

    room_id: int | str
    name: str
    size: Annotated[int, Meta(ge=0)]
    type: str


async def offer(request: Request) -> Response:
    """Asks for a URL to which the bytes of a file may be PUT.

    After the upload, put `file_path` into the `files` of a message to the same room.
    """
    caller = await caller_of(request)
    given = decode_as(await body_of(request), NewUpload)
    room_id = id_of(given.room_id, "room_id")
    send = Send(file=actions.File(given.name, given.size, given.type))
    base = base_of_request(request)
    offered = await chat_of(request).messages.offer_upload(room_id, caller.user_id, send, base)
    bucket_of(request, caller.user_id).charge(given.size / UPLOAD_BYTES_PER_TOKEN)
    return Reply(offered)


# fmt: off
routes = [
    Route("/chat/attachments", offer, methods=["POST"]),
]
