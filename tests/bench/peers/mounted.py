"""roomcast inside another ASGI app, on uvicorn as it comes: frames leave by plain ASGI sends."""

from roomcast.app import create_app
from starlette.applications import Starlette
from starlette.routing import Mount

chat = create_app()
app = Starlette(routes=[Mount("/", app=chat)], lifespan=chat.lifespan)
