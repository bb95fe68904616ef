"""The public configuration of this server: what a client reads before its first request."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..settings import Settings
from .requests import Reply, chat_of


class ClientLimits(Struct):
    """Limits of texts, rooms and pages; sizes are bytes, lengths are code points."""

    max_text_length: int
    max_title_length: int
    max_data_size: int
    max_client_id_length: int
    max_emoji_length: int
    max_frame_size: int
    max_members: int
    max_reactions_per_message: int
    max_resume_changes: int
    history_page_size: int
    max_history_page_size: int
    room_page_size: int
    max_room_page_size: int


class AttachmentRules(Struct):
    """Which files a message may have: their types, the bytes of each, and how many."""

    types: list[str]
    max_size: int
    max_files: int


class Features(Struct):
    """The features of this server; `push` is null where it sends no push messages."""

    open_rooms: bool
    reports: bool
    push: None


class Config(Struct):
    """The limits and the features of this server."""

    limits: ClientLimits
    attachments: AttachmentRules
    features: Features
    languages: list[str]


async def show(request: Request) -> Response:
    """Shows the limits and features of this server; it needs no token."""
    return Reply(config_of(chat_of(request).settings))


def config_of(settings: Settings) -> Config:
    limits, files = settings.limits, settings.attachments
    return Config(
        ClientLimits(**{name: getattr(limits, name) for name in ClientLimits.__struct_fields__}),
        AttachmentRules(list(files.types), files.max_size, files.max_files),
        Features(open_rooms=settings.rooms.open_by == "members", reports=True, push=None),
        list(settings.server.languages),
    )


# fmt: off
routes = [
    Route("/chat/config", show, methods=["GET"]),
]
