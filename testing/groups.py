"""Unwraps a test's errors from the groups of task groups."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def ungrouped(entered: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter a context; a single error inside it is raised without its group."""
    raised: BaseException | None = None
    try:
        async with entered as value:
            try:
                yield value
            except BaseException as error:
                raised = error
                raise
    except BaseExceptionGroup as group:
        if raised is None or not _holds_only(group, raised):
            raise
        raise raised from raised.__cause__


def _holds_only(group: BaseException, error: BaseException) -> bool:
    while group is not error:
        if not isinstance(group, BaseExceptionGroup) or len(group.exceptions) != 1:
            return False
        group = group.exceptions[0]
    return True
