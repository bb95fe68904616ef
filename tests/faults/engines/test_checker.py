"""The checker itself: a history that is true passes, and each thing that can't be is found."""

from copy import deepcopy
from typing import Any

import pytest

from ..history import ConnectionLog, History, Received, Sent, contradictions

ADA, BOB = 1, 2
CREATED = "1970-01-01T00:01:40.000000+00:00"  # 100 seconds


def message(id_: int, text: str, **fields: Any) -> dict[str, Any]:
    return {
        "message_id": id_,
        "text": text,
        "sender_id": ADA,
        "client_id": f"n{id_}",
        "room_id": 4,
        "status": "send",
        "version": id_,
        "created_at": CREATED,
    } | fields


def told(id_: int, text: str, **fields: Any) -> dict[str, Any]:
    said = message(id_, text, **fields)
    return {"type": "chat_message", "version": said["version"], "message": said}


def edited(id_: int, text: str, version: int) -> dict[str, Any]:
    said = message(id_, text, version=version)
    return {"type": "message_edited", "message_id": id_, "version": version, "message": said}


def mark(id_: int, status: str) -> dict[str, Any]:
    return {"type": f"mark_message_as_{status}", "message": message(id_, "x", status=status)}


def error(client_id: str, code: str = "unavailable") -> dict[str, Any]:
    return {"type": "error", "code": code, "message": "away", "client_id": client_id}


def sync(version: int = 0, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    said = {"messages": messages, "deleted": [], "receipts": [], "reset": False}
    return {"type": "sync", "epoch": "e", "version": version, **said, **fields}


def life(*frames: dict[str, Any], after: int = 0, first: Any = None) -> ConnectionLog:
    heard = [Received(100 + n, frame) for n, frame in enumerate([first or sync(after), *frames])]
    return ConnectionLog(after, received=heard)


def sent(at: float, client_id: str, text: str) -> Sent:
    return Sent(at, {"action": "send", "client_id": client_id, "message": text})


ONE, TWO = told(1, "one"), told(2, "two")
STORED = [message(1, "one"), message(2, "two")]


def found(
    *lives: ConnectionLog, stored: Any = STORED, version: int = 2, user: int = BOB
) -> list[str]:
    """What is wrong with one client of these connections."""
    return list(contradictions([History("x", user, list(lives))], stored, version))


def test_a_true_history_passes() -> None:
    resumed = life(after=1, first=sync(2, message(2, "two", status="read")))
    assert found(life(ONE, TWO, mark(1, "delivered"), mark(2, "delivered"), mark(1, "read"))) == []
    assert found(life(ONE), resumed) == []
    assert found(life(told(1, "onne"), TWO, edited(1, "one", 3)), stored=[
        message(1, "one", version=3), message(2, "two")
    ], version=3) == []  # fmt: skip


@pytest.mark.parametrize(
    ("what", "lives"),
    [
        ("version 1 after 2", [life(TWO, ONE)]),
        ("sent as new again", [life(ONE, ONE, TWO)]),
        ("ends at version 1", [life(ONE)]),
        ("never got", [life(TWO)]),
        ("ends with 2 as", [life(ONE, told(2, "too"))]),
        ("lost", [life(ONE, TWO, told(3, "three"))]),
        ("back from 2 to 0", [life(told(1, "one", status="read"), TWO, edited(1, "one", 3))]),
        ("read, then marked", [life(ONE, TWO, mark(1, "read"), mark(1, "delivered"))]),
        ("read, then marked", [life(ONE, TWO, mark(1, "read"), mark(1, "read"))]),
        ("marks a message that never came", [life(mark(2, "read"), ONE, TWO)]),
        ("edits a message that never came", [life(ONE, edited(2, "two", 2))]),
        ("resumed after 2", [life(ONE), life(after=2)]),
        ("not since 1", [life(ONE), life(after=1, first=sync(2, message(1, "one")))]),
        ("not trusted", [life(ONE), life(after=1, first=sync(2, *STORED, reset=True))]),
        ("another epoch", [life(ONE, TWO), life(after=2, first=sync(2, epoch="f"))]),
        ("sent as", [life(ONE, told(2, "two", sender_id=BOB))]),
        ("1 times the error internal", [life(ONE, TWO, error("n3", "internal"))]),
    ],
)
def test_what_can_not_be_is_found(what: str, lives: list[ConnectionLog]) -> None:
    assert any(what in wrong for wrong in found(*deepcopy(lives)))


def test_a_repeated_answer_is_for_who_asked_again() -> None:
    again = life(ONE, TWO, ONE)
    assert any("sent as new again" in wrong for wrong in found(again, user=ADA))
    again.sent += [sent(99, "n1", "one"), sent(102.5, "n1", "one")]
    assert found(again, user=ADA) == []


def test_a_message_that_is_stored_twice_is_found() -> None:
    twice = [message(1, "one"), message(2, "one", client_id="n1")]
    wrong = found(life(ONE, told(2, "one", client_id="n1")), stored=twice)
    assert wrong == ["('sender_id', 'client_id') (1, 'n1'): stored 2 times"]


def test_a_text_that_nobody_wrote_is_found() -> None:
    half = life(ONE, TWO)
    half.sent.append(sent(99, "n1", "one and a half"))
    assert any("nobody wrote" in wrong for wrong in found(half, user=ADA))


def test_a_refused_message_that_is_stored_is_found() -> None:
    lied = life(error("n1"), ONE, TWO)
    lied.sent.append(sent(99, "n1", "one"))
    assert any("was answered ['unavailable']" in wrong for wrong in found(lied, user=ADA))


def test_a_message_that_was_sent_again_after_it_was_refused_may_be_stored() -> None:
    honest = life(error("n1"), ONE, TWO)
    honest.sent += [sent(95, "n1", "one"), sent(99.5, "n1", "one")]
    honest.received[1] = Received(99, error("n1"))
    assert found(honest, user=ADA) == []


def test_a_late_refusal_is_found() -> None:
    late = life(ONE, TWO, error("n3"))
    late.sent.append(sent(102 - 1_000, "n3", "three"))
    assert any("after 1001.0 s" in wrong for wrong in found(late, user=ADA))


def test_two_who_were_told_different_things_are_found() -> None:
    ada, bob = History("ada", ADA, [life(ONE, TWO)]), History("bob", BOB, [life(ONE, TWO)])
    assert list(contradictions([ada, bob], STORED, 2)) == []
    bob.connections[0].received[1] = Received(101, told(1, "won"))
    wrong = list(contradictions([ada, bob], STORED, 2))
    assert any(what.startswith("version 1: ") for what in wrong)
