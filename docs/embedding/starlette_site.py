"""A Starlette site with a chat: `uvicorn starlette_site:app`."""

from collections.abc import Sequence
from pathlib import Path

from roomcast.app import Profile, create_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Mount, Route

SHOP = Path(__file__).with_name("shop.html").read_text()  # with the elements of the chat
USERS = {"ada": 2, "bob": 7}  # yours are in a database, with passwords


async def home(request: Request) -> HTMLResponse:
    return HTMLResponse(SHOP)


async def login(request: Request) -> PlainTextResponse:
    request.session["user"] = USERS[request.path_params["name"]]
    return PlainTextResponse("Hello")


async def ship(request: Request) -> PlainTextResponse:
    order = request.path_params["order"]
    room = await chat.open_room([2, 7], context=f"order:{order}")
    await chat.post(room, "It has shipped", sender=2, client_id=f"shipped:{order}")
    return PlainTextResponse(str(room.id))


async def current_user_id(connection: HTTPConnection) -> int | None:
    """Who has logged in on this connection; None for nobody."""
    return connection.session.get("user")


async def describe_users(ids: Sequence[int | str]) -> dict[int | str, Profile]:
    """The names that the chat shows; the second field of a profile is a picture's address."""
    return {user: Profile(name.title()) for name, user in USERS.items() if user in ids}


chat = create_app(authenticate=current_user_id, describe_users=describe_users)
app = Starlette(
    routes=[
        Route("/", home),
        Route("/login/{name}", login, methods=["POST"]),
        Route("/ship/{order:int}", ship, methods=["POST"]),
        Mount("/chat", app=chat),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="yours, and nobody else's")],
    lifespan=chat.lifespan,
)
