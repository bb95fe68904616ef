"""A FastAPI site with a chat: `uvicorn fastapi_site:app`."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from roomcast.app import Profile, create_app
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection

SHOP = Path(__file__).with_name("shop.html").read_text()  # with the elements of the chat
USERS = {"ada": 2, "bob": 7}  # yours are in a database, with passwords


async def current_user_id(connection: HTTPConnection) -> int | None:
    """Who has logged in on this connection; None for nobody."""
    return connection.session.get("user")


async def describe_users(ids: Sequence[int | str]) -> dict[int | str, Profile]:
    """The names that the chat shows; the second field of a profile is a picture's address."""
    return {user: Profile(name.title()) for name, user in USERS.items() if user in ids}


chat = create_app(authenticate=current_user_id, describe_users=describe_users)
app = FastAPI(lifespan=chat.lifespan)
app.add_middleware(SessionMiddleware, secret_key="yours, and nobody else's")
app.mount("/chat", chat)


@app.get("/", response_class=HTMLResponse)
async def home() -> str:
    return SHOP


@app.post("/login/{name}")
async def login(name: str, request: Request) -> str:
    request.session["user"] = USERS[name]
    return "Hello"


@app.post("/ship/{order}")
async def ship(order: int) -> int:
    room = await chat.open_room([2, 7], context=f"order:{order}")
    await chat.post(room, "It has shipped", sender=2, client_id=f"shipped:{order}")
    return room.id
