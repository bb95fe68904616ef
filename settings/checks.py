"""Checks of settings that contradict each other."""

import base64
from collections.abc import Iterator, Mapping
from itertools import chain

from .model import AuthSettings, Settings, Webhooks
from .types import MIN_SECRET_SIZES

NO_AUDIENCE = (
    "with auth.jwks_url it is needed, or auth.issuer: else a token that the login service made for "
    "any other application opens the chat too"
)


class BadSetting(ValueError):
    """A setting with an unusable value; the text is one sentence that names the setting."""


def check(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raise BadSetting for the first setting that contradicts the others."""
    problems = _of_keys(settings.auth), _of_webhooks(settings.webhooks), _of_limits(settings)
    for name, problem in chain(*problems):
        setting, mark, place = name.partition("[")
        raise BadSetting(f"{origins.get(setting, setting)}{mark}{place}: {problem}")


def _of_keys(auth: AuthSettings) -> Iterator[tuple[str, str]]:
    others = ((f"auth.issuers[{number}]", one) for number, one in enumerate(auth.issuers))
    named = {"": "", auth.issuer: "auth"}
    for where, one in (("auth", auth), *others):
        least = max((MIN_SECRET_SIZES[name] for name in one.hmac), default=0)
        if one.secret and len(one.secret.encode()) < least:
            yield f"{where}.secret", f"at least {least} bytes are needed"
        if where == "auth" and one.jwks_url and not (one.audience or one.issuer):
            yield "auth.audience", NO_AUDIENCE
        if where != "auth" and not one.issuer:
            yield f"{where}.issuer", "is missing: it says whose tokens these are"
        if where != "auth" and one.issuer in named:
            yield f"{where}.issuer", f"{named[one.issuer]} has the same"
        named[one.issuer] = where


def _of_webhooks(webhooks: Webhooks) -> Iterator[tuple[str, str]]:
    secret = webhooks.secret
    if webhooks.url and not secret:
        yield "webhooks.secret", "it is needed: the receiver can't tell who calls without it"
    if secret and len(secret.encode()) < 24:
        yield "webhooks.secret", "at least 24 bytes are needed"
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            yield "webhooks.secret", "after whsec_ there must be base64"
        else:
            if len(key) < 24:
                yield "webhooks.secret", "after whsec_ there must be at least 24 bytes in base64"


def _of_limits(settings: Settings) -> Iterator[tuple[str, str]]:
    limits = settings.limits
    least = (settings.attachments.max_size + 2) // 3 * 4 + 1_024
    if limits.max_frame_size < least:
        yield (
            "limits.max_frame_size",
            f"at least {least} is needed for attachments.max_size in base64",
        )
    if limits.history_page_size > limits.max_history_page_size:
        yield "limits.history_page_size", "it is above limits.max_history_page_size"
    if limits.room_page_size > limits.max_room_page_size:
        yield "limits.room_page_size", "it is above limits.max_room_page_size"
