"""A site with the chat at /chat, for any ASGI server: `mounted:app`; settings: the environment."""

from roomcast.app import create_app
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

chat = create_app()
home = Route("/", lambda request: PlainTextResponse("the site"))
app = Starlette(routes=[home, Mount("/chat", app=chat)], lifespan=chat.lifespan)
