"""The endpoint `/ws/chat/notifications/`: a user's unread messages in all of their rooms."""

import time

from starlette.websockets import WebSocket

from ..auth.authenticator import Authenticator
from ..chat.chat import ChatServices
from ..chat.notifications.inbox import Inbox, InboxSocket
from ..protocol.actions import AnyAction, Auth, Ping
from ..protocol.errors import Close, Closing, InvalidFrame
from .base import Endpoint, direct_of
from .session import PONG, Session


class InboxSession(Session):
    """A session that accepts only pings and new tokens."""

    __slots__ = ()

    def _take(self, action: AnyAction, size: int) -> None:
        match action:
            case Ping():
                self._socket.put(PONG)
            case Auth():
                self._chat.spawn(self._answered(self._renew(action), action))
            case _:
                raise InvalidFrame("action: only ping and auth are accepted here.")


class NotificationsSocket(Endpoint):
    """The endpoint `/ws/chat/notifications/`."""

    _chat: ChatServices
    _inbox: Inbox | None = None
    _socket: InboxSocket | None = None

    async def _join(self, websocket: WebSocket) -> None:
        began = time.monotonic()
        chat = self._chat = websocket.app.state.chat
        auth: Authenticator = websocket.app.state.auth
        identity = await auth.authenticate(websocket)
        bucket = await self._admit_user(websocket, identity.user_id)
        await chat.bans.check(identity.user_id)
        await chat.profiles.record(identity)
        inbox = self._inbox = await chat.inboxes.enter(identity.user_id)
        direct = direct_of(websocket)
        is_flat = websocket.query_params.get("format") == "flat"
        send_queue = self._new_send_queue(chat, direct)
        socket = self._socket = InboxSocket(identity.user_id, send_queue, is_flat=is_flat)
        await inbox.prepare()
        if chat.revocations.has(identity.user_id, since=began):
            raise Closing(Close.DISCONNECTED)
        session = InboxSession(chat, auth, socket, bucket)
        session.begin(identity.expires_at, direct)
        self._session = session
        inbox.activate(socket)
        chat.metrics.joins.observe(time.monotonic() - began)

    def _leave(self) -> None:
        super()._leave()
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            if self._socket is not None:
                inbox.leave(self._socket)
            self._chat.inboxes.leave(inbox)
