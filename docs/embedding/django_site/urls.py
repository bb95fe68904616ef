"""The site's own pages. One of them talks in the chat."""

from asgiref.sync import async_to_sync
from django.contrib.auth import login as log_in
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from .chat import chat


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("The shop")


@require_POST
def login(request: HttpRequest, name: str) -> HttpResponse:
    log_in(request, User.objects.get(username=name))  # yours have passwords
    return HttpResponse("Hello")


@require_POST
def ship(request: HttpRequest, order: int) -> HttpResponse:
    room = async_to_sync(chat.open_room)([2, 7], context=f"order:{order}")
    post = async_to_sync(chat.post)
    post(room, sender=2, text="It has shipped", client_id=f"shipped:{order}")
    return HttpResponse(str(room))


urlpatterns = [
    path("", home),
    path("login/<str:name>", login),
    path("ship/<int:order>", ship),
]
