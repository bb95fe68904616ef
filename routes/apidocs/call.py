"""The types of the table of HTTP calls: a call, its parameters and its answers."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ...protocol.errors import (
    FileTooLarge,
    Forbidden,
    Internal,
    InvalidFrame,
    InvalidJSON,
    RateLimited,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from ...protocol.ids import MAX_ID

JSON, ANY, HTML = "application/json", "application/octet-stream", "text/html"

Id = Annotated[int, Meta(ge=0, lt=MAX_ID)]
From1 = Annotated[int, Meta(ge=1, lt=MAX_ID)]
User = int | Annotated[str, Meta(min_length=1, max_length=255)]
AnyUser = int | str  # where a body says who it is, it is not looked at
Words = Annotated[str, Meta(min_length=1, max_length=200)]
Cursor = Annotated[str, Meta(min_length=1)]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Parameter(Struct, frozen=True):
    """A parameter; `{limits.…}` in its text and a named default are settings of the server."""

    name: str
    type: Any
    description: str
    place: Literal["query", "header", "path"] = "query"
    default: str | int | None = None
    is_required: bool = False
    is_old: bool = False


class Answer(Struct, frozen=True):
    """An answer or a request body: JSON of a type, or bytes of the kind in `media`, or nothing."""

    description: str
    type: Any = None
    media: str = ""
    is_needed: bool = True  # where it is the body of a request


class Call(Struct, frozen=True):
    """One method of one path; `own` are the refusals that only this call has."""

    answers: dict[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Answer | None = None
    examples: tuple[str, ...] = ()
    own: tuple[type[Refusal], ...] = ()
    is_open: bool = False

    @property
    def refusals(self) -> list[type[Refusal]]:
        """All refusals of the call."""
        of_token = () if self.is_open else (Unauthenticated, Forbidden, RateLimited, Unavailable)
        of_body = (InvalidJSON, InvalidFrame, FileTooLarge) if self.body and self.body.type else ()
        return list(dict.fromkeys((*of_body, *self.own, *of_token, Internal)))

    @property
    def kinds(self) -> list[Any]:
        """All types in the call's bodies."""
        bodies = [*self.answers.values(), *([self.body] if self.body else ())]
        places = (*self.parameters, *PLACES)
        return [body.type for body in bodies if body.type] + [place.type for place in places]


PLACES = (
    Parameter("room_id", Id, "The room.", "path", is_required=True),
    Parameter("message_id", Id, "A message of the room.", "path", is_required=True),
    Parameter("emoji", Words, "The emoji, percent-encoded.", "path", is_required=True),
    Parameter("report_id", Id, "A report.", "path", is_required=True),
    Parameter("user_id", User, "A user, percent-encoded, `/` included.", "path", is_required=True),
    Parameter("path", str, "What follows `/files/` in the link.", "path", is_required=True),
)
SIGNED = (
    Parameter("type", str, "The content type, as it stands in the link.", is_required=True),
    Parameter("expires", int, "When the link expires, in seconds since 1970.", is_required=True),
    Parameter("signature", str, "Proves that the server made the link.", is_required=True),
)
