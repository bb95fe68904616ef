"""The yardstick: rooms in memory, three frames a message to everyone in one, nothing stored."""

import os
from collections import defaultdict, deque
from datetime import UTC, datetime
from itertools import count
from urllib.parse import parse_qs

import jwt
import msgspec

SECRET = os.environ["BENCH_SECRET"]


class Send(msgspec.Struct, tag_field="action", tag="send"):
    message: str


class Message(msgspec.Struct):
    text: str
    message_id: int
    sender_id: int
    status: str
    created_at: str
    updated_at: str
    attachments: list
    room_id: int
    version: int


class Room:
    """The sockets in a room, and what a newcomer is shown."""

    def __init__(self) -> None:
        self.sends = set()
        self.version = 0
        self.recent = deque(maxlen=50)


rooms = defaultdict(Room)
next_id = count(1).__next__
tokens = jwt.PyJWT(options={"require": ["exp", "sub"]})
decode = msgspec.json.Decoder(Send).decode
encode = msgspec.json.Encoder().encode


async def tell(room: Room, frame: dict) -> None:
    text = encode(frame).decode()
    for send in list(room.sends):
        await send({"type": "websocket.send", "text": text})


async def say(room_id: int, user: int, text: str) -> None:
    room = rooms[room_id]
    room.version += 1
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    message = Message(text, next_id(), user, "send", now, now, [], room_id, room.version)
    room.recent.append(message)
    await tell(room, {"type": "chat_message", "version": room.version, "message": message})
    message.status = "delivered"
    await tell(room, {"type": "mark_message_as_delivered", "message": message})
    message.status = "read"
    await tell(room, {"type": "mark_message_as_read", "message": message})


async def chat(scope, receive, send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "Bearer"})
    try:
        claims = tokens.decode(scope["subprotocols"][1], SECRET, algorithms=["HS256"])
    except (IndexError, jwt.PyJWTError):
        await send({"type": "websocket.close", "code": 4001})
        return
    user = int(claims["sub"])
    room_id = int(parse_qs(scope["query_string"])[b"room_id"][0])
    room = rooms[room_id]
    await send({"type": "websocket.send", "text": encode(list(room.recent)).decode()})
    room.sends.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            await say(room_id, user, decode(event["text"]).message)
    finally:
        room.sends.discard(send)


async def lifespan(receive, send) -> None:
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def app(scope, receive, send) -> None:
    if scope["type"] == "websocket":
        await chat(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
