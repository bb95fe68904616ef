"""Checks the arguments of the host's calls: one of a wrong type is refused with a sentence.

A host need not use a type checker, so the refusal names the argument and the type that it needs.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import wraps
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import UnsetType

from ..protocol.errors import InvalidFrame

T = TypeVar("T")
Kinds = tuple[type, ...]

NO_LISTS = str, bytes, dict  # iterable, but no list of anything
NO_VALUES = NoneType, UnsetType


def check_arguments(host: type[T]) -> type[T]:
    """Make the calls of a class raise InvalidFrame for arguments that do not fit their hints."""
    for name, call in list(vars(host).items()):
        if not name.startswith("_") and inspect.iscoroutinefunction(call):
            setattr(host, name, _checked(call))
    return host


def _checked(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    signature, hints = inspect.signature(call), get_type_hints(call)
    kinds = {name: _kinds_of(hints[name]) for name in signature.parameters if name != "self"}

    @wraps(call)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for name, needed in kinds.items():
            if name in given and not _fits(given[name], needed):
                raise InvalidFrame(f"{name}: {_names_of(needed)} is needed.")
        return await call(*args, **kwargs)

    return checked


def _kinds_of(hint: Any) -> Kinds:
    """Return the classes of a hint; for a list, any iterable is accepted."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return tuple(kind for each in get_args(hint) for kind in _kinds_of(each))
    kind: type = origin or hint
    return (Iterable,) if kind is Sequence else (kind,)


def _fits(value: object, kinds: Kinds) -> bool:
    if Iterable in kinds and isinstance(value, NO_LISTS):
        return False
    return isinstance(value, kinds)


def _names_of(kinds: Kinds) -> str:
    return " or ".join(kind.__name__ for kind in kinds if kind not in NO_VALUES)
