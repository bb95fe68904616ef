"""A Django site with a chat: `uvicorn django_site.asgi:app`."""

import os

from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.routing import Mount

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
site = get_asgi_application()

from django_site.chat import chat  # noqa: E402 # Django is ready from here on

app = Starlette(
    routes=[Mount("/chat", app=chat), Mount("/", app=site)],
    lifespan=chat.lifespan,
)
