"""A Litestar site with a chat: `uvicorn litestar_site:app`."""

from collections.abc import Sequence
from pathlib import Path

from litestar import Litestar, MediaType, Request, asgi, get, post
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.params import FromPath
from litestar.types import Receive, Scope, Send
from roomcast.app import Profile, create_app
from starlette.requests import HTTPConnection

SHOP = Path(__file__).with_name("shop.html").read_text()  # with the elements of the chat
USERS = {"ada": 2, "bob": 7}  # yours are in a database, with passwords


@get("/", media_type=MediaType.HTML)
async def home() -> str:
    return SHOP


@post("/login/{name:str}")
async def login(name: FromPath[str], request: Request) -> str:
    request.session["user"] = USERS[name]
    return "Hello"


@post("/ship/{order:int}")
async def ship(order: FromPath[int]) -> str:
    room = await chat.open_room([2, 7], context=f"order:{order}")
    await chat.post(room, "It has shipped", sender=2, client_id=f"shipped:{order}")
    return str(room.id)


async def current_user_id(connection: HTTPConnection) -> int | None:
    """Who has logged in on this connection; None for nobody."""
    return connection.session.get("user")


async def describe_users(ids: Sequence[int | str]) -> dict[int | str, Profile]:
    """The names that the chat shows; the second field of a profile is a picture's address."""
    return {user: Profile(name.title()) for name, user in USERS.items() if user in ids}


chat = create_app(authenticate=current_user_id, describe_users=describe_users)


@asgi("/chat", is_mount=True, copy_scope=True)
async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    await chat(scope, receive, send)


app = Litestar(
    [home, login, ship, mounted],
    middleware=[CookieBackendConfig(secret=b"yours, not ours!").middleware],
    lifespan=[chat.lifespan],
)
