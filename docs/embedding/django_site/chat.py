"""The site's chat: its users are those of Django, by Django's session cookie."""

from collections.abc import Sequence
from importlib import import_module

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.db import close_old_connections
from django.http import HttpRequest
from roomcast.app import Profile, create_app
from starlette.requests import HTTPConnection

sessions = import_module(settings.SESSION_ENGINE)


@sync_to_async
def user_of(session_key: str | None) -> int | None:
    """As Django's own middleware finds it: a new password ends the session here too."""
    close_old_connections()  # outside of Django's own requests nobody else does
    try:
        request = HttpRequest()
        request.session = sessions.SessionStore(session_key)
        return get_user(request).pk
    finally:
        close_old_connections()


async def current_user_id(connection: HTTPConnection) -> int | None:
    return await user_of(connection.cookies.get(settings.SESSION_COOKIE_NAME))


async def describe_users(ids: Sequence[int | str]) -> dict[int | str, Profile]:
    """The names that the chat shows; the second field of a profile is a picture's address."""
    users = get_user_model().objects.filter(pk__in=[user for user in ids if isinstance(user, int)])
    named = [(user.pk, user.get_full_name() or user.get_username().title()) async for user in users]
    return {key: Profile(name) for key, name in named}


chat = create_app(authenticate=current_user_id, describe_users=describe_users)
