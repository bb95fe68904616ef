"""The endpoint `/ws/chat/`: a member joins a room, with a cursor or with its last messages."""

import time
from collections.abc import Collection
from contextlib import nullcontext

from starlette.websockets import WebSocket

from ..auth.authenticator import Authenticator
from ..auth.base_url import base_of
from ..chat.chat import ChatServices
from ..chat.history_cache import CachedHistory
from ..chat.rate_limit import ANSWER_BYTES_PER_TOKEN
from ..chat.serializers import message_of
from ..protocol import codec, events
from ..protocol.errors import Close, Closing
from ..protocol.events import Sync
from ..protocol.ids import MAX_ID, wire_user
from ..realtime.connections import RoomSocket
from ..realtime.room import Room
from ..store.snapshot import Snapshot, SnapshotQuery
from .base import Endpoint, direct_of
from .join_query import JoinQuery, parse_join_query
from .room_session import RoomSession


class ChatSocket(Endpoint):
    """The endpoint `/ws/chat/`."""

    _chat: ChatServices
    _room: Room | None = None
    _socket: RoomSocket | None = None

    async def _join(self, websocket: WebSocket) -> None:
        began = time.monotonic()
        chat = self._chat = websocket.app.state.chat
        auth: Authenticator = websocket.app.state.auth
        identity = await auth.authenticate(websocket)
        bucket = await self._admit_user(websocket, identity.user_id)
        query = parse_join_query(websocket.scope["query_string"])
        if query.room_id >= MAX_ID:
            raise Closing(Close.NOT_FOUND)
        base = base_of(websocket, chat.settings.server.public_url)
        await chat.bans.check(identity.user_id)
        await chat.profiles.record(identity)
        room = self._room = await chat.hub.enter(query.room_id)
        direct = direct_of(websocket)
        socket = self._socket = RoomSocket(
            identity.user_id,
            self._new_send_queue(chat, direct, base),
            is_manual=query.is_manual,
            is_compact=query.is_compact,
        )
        room.connections.start_buffering(socket)
        known = chat.pages.get(query.room_id) if query.after is None else None
        ask, is_reset = _snapshot_query(chat, query, identity.user_id, known)
        async with nullcontext() if ask.after is None else bucket.costly():
            found = await chat.joining.enter(room, ask, is_manual=query.is_manual)
        chat.hub.follow_members(room)
        if query.is_compact or query.after is not None:
            await chat.joining.hide_receipts(room, identity.user_id)
        if chat.revocations.has(identity.user_id, since=began):
            raise Closing(Close.DISCONNECTED)
        if query.after is None:
            first = chat.pages.frame(room, found, known, base)
        else:
            hidden = room.connections.hidden_from(identity.user_id)
            first = _sync_frame(chat, room, found, base, hidden, is_reset=is_reset)
        bucket.charge(len(first) / ANSWER_BYTES_PER_TOKEN)
        session = RoomSession(chat, auth, room, socket, bucket)
        session.enter(base, identity.expires_at, direct)
        self._session = session
        room.activate(socket, first, above=found.version, top=found.top)
        chat.metrics.joins.observe(time.monotonic() - began)

    def _leave(self) -> None:
        """Leave the room, as far as it was entered."""
        super()._leave()
        room, self._room = self._room, None
        if room is not None:
            if self._socket is not None:
                room.connections.remove(self._socket)
            self._chat.hub.leave(room)


def _snapshot_query(
    chat: ChatServices, query: JoinQuery, user_id: str, known: CachedHistory | None
) -> tuple[SnapshotQuery, bool]:
    """Return the query of a join, and whether its cursor belongs to another epoch."""
    limits = chat.settings.limits
    is_reset = query.after is not None and query.epoch not in (None, chat.store.epoch)
    return SnapshotQuery(
        query.room_id,
        user_id,
        None if is_reset else query.after,
        limits.history_page_size,
        limits.max_resume_changes,
        limits.max_resume_size,
        None if known is None else known.known,
    ), is_reset


def _sync_frame(
    chat: ChatServices,
    room: Room,
    found: Snapshot,
    base: str,
    hidden: Collection[str],
    *,
    is_reset: bool,
) -> bytes:
    """Return the `sync` frame of a join with a cursor. Raises Closing without the messages."""
    if found.messages is None:
        raise Closing(Close.TRY_LATER)
    link, statuses = chat.attachments.link(base), room.statuses
    shown = [message_of(m, link, statuses.status(m.sender_id, m.id)) for m in found.messages]
    receipts = [
        events.Receipt(wire_user(user), *upto)
        for user, upto in sorted(statuses.watermarks.items())
        if user not in hidden
    ]
    reset = found.reset or is_reset
    chat.metrics.count_answer("resume", has_more=found.reset)
    return codec.encode(
        Sync(chat.store.epoch, found.version, shown, found.deleted, receipts, reset)
    )
