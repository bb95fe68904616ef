"""The commit queue goes on after any error: of a callback, or of a change that fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from roomcast.store import commit_queue
from roomcast.store.commit_queue import CommitQueue, Committed, Entry
from roomcast.store.errors import TransactionConflict
from roomcast.store.messages import Add, Added, Change, MessageRow, Outcome, RefusedChange
from roomcast.store.receipts import Marks, Moved
from roomcast.store.store import DatabaseError, DatabaseUnavailable, Store


class Database:
    """A store of texts that raises what the test gives it, for the texts it names."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.doubtful: set[int] = set()
        self.tries: list[list[str]] = []

    async def commit(
        self, changes: Sequence[Change], marks: Marks
    ) -> tuple[list[Outcome], list[Moved], int]:
        adds = cast(Sequence[Add], changes)
        self.tries.append([add.text for add in adds])
        for add in adds:
            if add.text in self.broken:
                raise self.broken[add.text]
        self.stored += [add.text for add in adds]
        moved = [Moved(*where, *upto) for where, upto in marks.items()]
        return [Added(MessageRow(1, 1, "1", add.text, 0, 0, 1)) for add in adds], moved, 0


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
async def journal(database: Database) -> AsyncIterator[CommitQueue]:
    async def tell(committed: Committed) -> None: ...

    journal = CommitQueue(cast(Store, database))
    journal.open(tell, database.doubtful.update)
    yield journal
    async with asyncio.timeout(5):
        await journal.aclose()


async def written(journal: CommitQueue, *texts: str) -> list[Outcome | None]:
    """What became of these changes, which go into one batch."""
    futures: list[asyncio.Future[Entry]] = []
    for text in texts:
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        journal.write(Add(1, "1", text), future.set_result)
        futures.append(future)
    async with asyncio.timeout(5):
        return [entry.outcome for entry in await asyncio.gather(*futures)]


async def test_a_slow_commit_makes_the_next_ones_smaller(
    journal: CommitQueue, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far from the database, or beside processes that want the same rooms."""
    monkeypatch.setattr(commit_queue, "is_plain", lambda change: False)

    def sizes() -> list[int]:
        found = [len(texts) for texts in database.tries]
        database.tries.clear()
        return found

    texts = [f"{n}" for n in range(100)]
    await written(journal, *texts)
    assert sizes() == [*range(8, 16), 8]
    monkeypatch.setattr(commit_queue, "SLOW_COMMIT", -1.0)
    await written(journal, *texts)
    assert sizes() == [17, 8, 4, 2, *[1] * 69]
    monkeypatch.setattr(commit_queue, "SLOW_COMMIT", 60.0)
    await written(journal, *texts)
    assert sizes()[:4] == [1, 2, 3, 4]


async def test_who_fails_at_hearing_an_outcome_ends_nothing(journal: CommitQueue) -> None:
    def fails(entry: Entry) -> None:
        raise RuntimeError("this socket is closed")

    journal.write(Add(1, "1", "one"), fails)
    one, two = await written(journal, "two", "three")
    assert isinstance(one, Added)
    assert isinstance(two, Added)
    journal.check()


@pytest.mark.parametrize("kind", [ValueError, MemoryError, OSError, DatabaseError])
async def test_what_cannot_be_stored_fails_alone(
    kind: type[Exception], journal: CommitQueue, database: Database
) -> None:
    database.broken["bad"] = kind("not this one")
    one, bad, two = await written(journal, "one", "bad", "two")
    assert isinstance(one, Added)
    assert isinstance(two, Added)
    assert bad == RefusedChange("internal")
    assert database.stored == ["one", "two"]
    assert not database.doubtful
    [after] = await written(journal, "after")
    assert isinstance(after, Added)
    journal.check()


async def test_a_database_that_is_away_fails_all_of_one_batch(
    journal: CommitQueue, database: Database
) -> None:
    database.broken["bad"] = DatabaseUnavailable("gone")
    assert await written(journal, "one", "bad", "two") == [None, None, None]
    assert database.doubtful == {1}
    [after] = await written(journal, "after")
    assert isinstance(after, Added)


async def test_after_a_batch_that_failed_the_first_outage_ends_the_single_commits(
    journal: CommitQueue, database: Database
) -> None:
    database.broken["bad"] = DatabaseError("a wrong value")
    database.broken["two"] = DatabaseUnavailable("gone")
    found = await written(journal, "one", "bad", "two", "three", "four")
    assert isinstance(found[0], Added)
    assert found[1:] == [RefusedChange("internal"), None, None, None]
    assert database.tries[1:] == [["one"], ["bad"], ["two"]]
    assert database.doubtful == {1}


async def test_costly_changes_are_few_in_a_batch(journal: CommitQueue, database: Database) -> None:
    """A transaction of a thousand edits would end at its timeout, and none be stored."""
    done = asyncio.Event()
    for number in range(100):
        journal.write(Add(1, "1", f"plain {number}"), lambda entry: None)
        journal.write(Add(1, "1", f"costly {number}", by_site=True), lambda entry: None)
    journal.write(Add(1, "1", "last"), lambda entry: done.set())
    async with asyncio.timeout(5):
        await done.wait()
    kinds = [[text.split()[0] for text in batch] for batch in database.tries]
    counts = [batch.count("costly") for batch in kinds]
    assert counts == [*range(8, 16), 8], "one more each time, while commits are fast"
    assert [batch.count("plain") for batch in kinds] == [9, *range(9, 16), 7]
    assert database.stored[-3:] == ["plain 99", "costly 99", "last"]


async def test_single_commits_share_one_timeout(
    journal: CommitQueue, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_queue, "SINGLE_COMMITS_TIMEOUT", 0.0)
    database.broken["bad"] = DatabaseError("a wrong value")
    assert await written(journal, "one", "bad", "two") == [None, None, None]
    assert len(database.tries) == 1


async def test_a_conflict_that_lasts_may_be_tried_again(
    journal: CommitQueue, database: Database
) -> None:
    database.broken["bad"] = TransactionConflict("could not serialize access")
    one, bad = await written(journal, "one", "bad")
    assert isinstance(one, Added)
    assert bad is None


async def test_a_journal_that_has_ended_is_said(journal: CommitQueue) -> None:
    journal.check()
    await journal.aclose()
    with pytest.raises(RuntimeError, match="ended"):
        journal.check()
