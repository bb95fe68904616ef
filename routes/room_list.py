"""The list of the caller's rooms: filtered, in pages."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.rate_limit import MEMBERS_PER_TOKEN
from ..chat.room_lists import RoomListPage, terms_of
from ..protocol import codec
from ..protocol.errors import Forbidden, InvalidFrame
from ..protocol.ids import MAX_ID, is_clean, user_of
from ..store.room_list import Listed
from ..store.room_pages import RoomQuery
from ..store.room_places import RoomPlace
from ..store.room_words import WordTerm, context_prefix_term, context_term
from .requests import Reply, StreamedReply, bucket_of, caller_of, chat_of, integer, url_of
from .room_shapes import RoomListed, RoomPage, add_profiles, listed_room
from .rooms import describe

SMALL_ROOM_SIZE = 50  # members
MAX_CONTEXT_LENGTH = 200  # code points
Time = Annotated[int, Meta(ge=0, lt=2**62)]  # microseconds since 1970, UTC


class PageCursor(Struct, array_like=True, frozen=True):
    """The place after which a page begins, in the order that the list had at `as_of`."""

    at: Time
    room_id: Annotated[int, Meta(ge=0, lt=MAX_ID)]
    as_of: Time
    is_backwards: bool = False

    def encode(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @staticmethod
    def decode(given: str) -> "PageCursor":
        """Decode a cursor. Raises InvalidFrame for a text that this server did not make."""
        try:
            raw = urlsafe_b64decode(given.encode("ascii") + b"==")
            return msgspec.json.decode(raw, type=PageCursor)
        except (ValueError, msgspec.MsgspecError):
            raise InvalidFrame("cursor: take the one in `next` or `previous`.") from None


async def mine(request: Request) -> Response:
    """Lists the caller's rooms, the one with the newest activity first.

    A room is listed if it matches all of `q`, `unread`, `context` and `context_prefix`.
    """
    caller = await caller_of(request)
    query = request.query_params
    asked = query.get("first_user", query.get("profile_id"))
    if asked is not None and user_of(asked, "first_user") != caller.user_id:
        raise Forbidden("These are another user's rooms.")
    bucket = bucket_of(request, caller.user_id)
    async with bucket.costly():
        found = await _page(request, caller.user_id)
        bucket.charge(sum(len(room.members) for room in found.results) / MEMBERS_PER_TOKEN)
    return _reply(found)


def _reply(page: RoomPage) -> Response:
    """Answer a page; with large rooms it may have 20 MB, so it is sent room by room."""
    if all(len(room.members) <= SMALL_ROOM_SIZE for room in page.results):
        return Reply(page)
    return StreamedReply(_pieces(page))


async def _pieces(page: RoomPage) -> AsyncGenerator[bytes, None]:
    end = b"]}"
    yield codec.encode(RoomPage(page.count, page.next, page.previous, [])).removesuffix(end)
    for number, room in enumerate(page.results):
        yield (b"," if number else b"") + codec.encode(room)
        await asyncio.sleep(0)
    yield end


async def _page(request: Request, user_id: str) -> RoomPage:
    query = _query_of(request, user_id)
    if query is None:
        return RoomPage(0, None, None, [])
    chat = chat_of(request)
    found = await chat.room_lists.page(query)
    chat.metrics.count_answer("rooms", has_more=found.has_more)
    await describe(request, found.rooms)
    listed = await _all_listed(found.rooms, user_id)
    if "profile_id" in request.query_params:
        add_profiles(listed)
    by_number = "page" in request.query_params
    links = _by_number(request, query, found) if by_number else _by_cursor(request, query, found)
    return RoomPage(found.count, *links, listed)


def _query_of(request: Request, user_id: str) -> RoomQuery | None:
    """Return the filter of the request, or None if no room can match. Raises InvalidFrame."""
    limits = chat_of(request).settings.limits
    page = integer(request, "page", 1)
    size = min(integer(request, "page_size", limits.room_page_size), limits.max_room_page_size)
    if page < 1 or size < 1:
        raise InvalidFrame("page and page_size: integers from 1 are needed.")
    terms = _terms_of(request)
    if terms is None:
        return None
    query = RoomQuery(
        user_id,
        size,
        (page - 1) * size,
        _flag(request, "archived"),
        _flag(request, "unread"),
        terms,
    )
    given = request.query_params.get("cursor")
    if given is None or "page" in request.query_params:
        return query
    cursor = PageCursor.decode(given)
    place = RoomPlace(cursor.at, cursor.room_id)
    beyond = {"place": place, "is_backwards": cursor.is_backwards, "as_of": cursor.as_of}
    return msgspec.structs.replace(query, **beyond)


def _terms_of(request: Request) -> tuple[WordTerm, ...] | None:
    terms = terms_of(request.query_params.get("q"))
    if terms is None:
        return None
    for name, term in (("context", context_term), ("context_prefix", context_prefix_term)):
        if given := request.query_params.get(name):
            if len(given) > MAX_CONTEXT_LENGTH or not is_clean(given):
                raise InvalidFrame(
                    f"{name}: a text of at most {MAX_CONTEXT_LENGTH} characters, without NUL."
                )
            terms = (*terms, term(given))
    return terms


def _flag(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "0")
    if given not in ("0", "1"):
        raise InvalidFrame(f"{name}: 0 or 1 is needed.")
    return given == "1"


Links = tuple[str | None, str | None]


def _by_number(request: Request, query: RoomQuery, found: RoomListPage) -> Links:
    """Return the next and the previous page. Raises InvalidFrame for a page after the last."""
    page = query.offset // query.limit + 1
    if page > 1 and not found.places:
        raise InvalidFrame("page: the list has not so many pages.")
    return (
        url_of(request, page=page + 1) if found.has_more else None,
        url_of(request, page=page - 1) if page > 1 else None,
    )


def _by_cursor(request: Request, query: RoomQuery, found: RoomListPage) -> Links:
    if not found.places:
        return None, None
    first, last = found.places[0], found.places[-1]
    as_of = first.at if query.as_of is None else query.as_of
    has_next = query.is_backwards or found.has_more
    has_previous = found.has_more if query.is_backwards else query.place is not None
    following = PageCursor(last.at, last.room_id, as_of)
    preceding = PageCursor(first.at, first.room_id, as_of, is_backwards=True)
    return (
        url_of(request, cursor=following.encode()) if has_next else None,
        url_of(request, cursor=preceding.encode()) if has_previous else None,
    )


async def _all_listed(found: Sequence[Listed], user_id: str) -> list[RoomListed]:
    """Yield rooms with pauses for other requests: 100 rooms may have 25,600 members."""
    listed = []
    for room in found:
        listed.append(listed_room(room, user_id))
        if len(room.members) > SMALL_ROOM_SIZE:
            await asyncio.sleep(0)
    return listed


# fmt: off
routes = [
    Route("/chat/recieve", mine, methods=["GET"]),
    Route("/chat/receive", mine, methods=["GET"]),
]
