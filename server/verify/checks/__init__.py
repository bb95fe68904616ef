"""The checks of roomcast verify, one promise after the other; importing them registers them."""

from . import (
    authentication,
    files,
    http_messages,
    http_rooms,
    isolation,
    member_calls,
    members,
    messages,
    notifications,
    presence,
    refusals,
    resuming,
    sending,
    site,
    statuses,
)

__all__ = [
    "authentication",
    "files",
    "http_messages",
    "http_rooms",
    "isolation",
    "member_calls",
    "members",
    "messages",
    "notifications",
    "presence",
    "refusals",
    "resuming",
    "sending",
    "site",
    "statuses",
]
