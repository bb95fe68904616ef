"""The result of one check of an engine."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """The result of one check: a sentence and, if it is not ok, what to do about it."""

    name: str
    ok: bool
    sentence: str
