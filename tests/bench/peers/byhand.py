"""The chat that one writes by hand: Starlette, `databases`, a Broadcaster subscription a socket."""

import asyncio
import os
from collections import Counter, defaultdict
from contextlib import asynccontextmanager

import jwt
import msgspec
from broadcaster import Broadcast
from databases import Database
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SECRET = os.environ["BENCH_SECRET"]
database = Database(os.environ["DATABASE_URL"], min_size=20, max_size=20)
broadcast = Broadcast("memory://")

here = defaultdict(Counter)  # the sockets of each user in a room
turns = defaultdict(asyncio.Lock)  # a room's messages are told in the order of their versions

JOIN = """
    WITH newest AS (SELECT coalesce(max(id), 0) AS id FROM messages WHERE room_id = :room_id),
         read AS (UPDATE members SET delivered_upto = newest.id, read_upto = newest.id FROM newest
                   WHERE room_id = :room_id AND user_id = :user_id AND read_upto < newest.id)
    SELECT 1 FROM members WHERE room_id = :room_id AND user_id = :user_id
"""
HISTORY = """
    SELECT id, sender_id, text, created_at, updated_at, version,
           (SELECT min(read_upto) FROM members
             WHERE room_id = :room_id AND user_id <> m.sender_id) >= id AS is_read
      FROM messages m WHERE room_id = :room_id ORDER BY id DESC LIMIT 50
"""
ADD = """
    WITH room AS (UPDATE rooms SET version = version + 1 WHERE id = :room_id RETURNING version)
    INSERT INTO messages (room_id, sender_id, text, version)
    SELECT :room_id, :user_id, :text, version FROM room
 RETURNING id, sender_id, text, created_at, updated_at, version
"""
MARK = """
    UPDATE members SET delivered_upto = :id, read_upto = :id
     WHERE room_id = :room_id AND user_id = ANY(CAST(:users AS bigint[])) AND read_upto < :id
"""


class Send(msgspec.Struct, tag_field="action", tag="send"):
    message: str


decode = msgspec.json.Decoder(Send).decode
encode = msgspec.json.Encoder().encode


def message(room_id: int, row, status: str) -> dict:
    return {
        "text": row["text"],
        "message_id": row["id"],
        "sender_id": row["sender_id"],
        "status": status,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "attachments": [],
        "room_id": room_id,
        "version": row["version"],
    }


async def chat(websocket: WebSocket) -> None:
    room_id = int(websocket.query_params["room_id"])
    await websocket.accept(subprotocol="Bearer")
    try:
        token = websocket.scope["subprotocols"][1]
        user_id = int(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except (IndexError, jwt.PyJWTError):
        return await websocket.close(4001)
    if await database.fetch_one(JOIN, {"room_id": room_id, "user_id": user_id}) is None:
        return await websocket.close(4003)
    here[room_id][user_id] += 1
    try:
        async with broadcast.subscribe(f"room:{room_id}") as events:
            rows = await database.fetch_all(HISTORY, {"room_id": room_id})
            history = [message(room_id, row, "read" if row["is_read"] else "send") for row in rows]
            await websocket.send_text(encode(history[::-1]).decode())
            telling = asyncio.create_task(tell(websocket, events))
            try:
                await hear(websocket, room_id, user_id)
            finally:
                telling.cancel()
    finally:
        here[room_id][user_id] -= 1


async def tell(websocket: WebSocket, events) -> None:
    async for event in events:
        await websocket.send_text(event.message)


async def hear(websocket: WebSocket, room_id: int, user_id: int) -> None:
    try:
        while True:
            text = decode(await websocket.receive_text()).message
            async with turns[room_id]:
                await say(room_id, user_id, text)
    except WebSocketDisconnect:
        pass


async def say(room_id: int, user_id: int, text: str) -> None:
    """Everyone in the room has read it as soon as it was told, in one statement for all."""
    values = {"room_id": room_id, "user_id": user_id, "text": text}
    row = await database.fetch_one(ADD, values)
    sent = message(room_id, row, "send")
    await publish(room_id, {"type": "chat_message", "version": row["version"], "message": sent})
    readers = [user for user, sockets in here[room_id].items() if sockets and user != user_id]
    if readers:
        await database.execute(MARK, {"room_id": room_id, "users": readers, "id": row["id"]})
        for status in ("delivered", "read"):
            event = {"type": f"mark_message_as_{status}", "message": sent | {"status": status}}
            await publish(room_id, event)


async def publish(room_id: int, event: dict) -> None:
    await broadcast.publish(f"room:{room_id}", encode(event).decode())


@asynccontextmanager
async def lifespan(app):
    async with database, broadcast:
        yield


app = Starlette(routes=[WebSocketRoute("/ws/chat/", chat)], lifespan=lifespan)
