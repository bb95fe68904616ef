"""The site's own pages. One of them talks in the chat."""

from pathlib import Path

from django.contrib.auth import login as log_in
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from .chat import chat

SHOP = Path(__file__).parents[1].joinpath("shop.html").read_text()  # with the chat's elements


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(SHOP)


@require_POST
def login(request: HttpRequest, name: str) -> HttpResponse:
    log_in(request, User.objects.get(username=name))  # yours have passwords
    return HttpResponse("Hello")


@require_POST
def ship(request: HttpRequest, order: int) -> HttpResponse:
    room = chat.sync.open_room([2, 7], context=f"order:{order}")
    chat.sync.post(room, "It has shipped", sender=2, client_id=f"shipped:{order}")
    return HttpResponse(str(room.id))


urlpatterns = [
    path("", home),
    path("login/<str:name>", login),
    path("ship/<int:order>", ship),
]
