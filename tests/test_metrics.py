"""What Prometheus reads: the numbers are those of what was done."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from roomcast.integrations.metrics import Metrics, WorkerMetrics, forget
from roomcast.testing import chat_client

Numbers = dict[str, float]


def numbers(text: str) -> Numbers:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_a_refusal_over_http_is_counted() -> None:
    async with chat_client(1) as client:
        await client.get("/api/v1/chat/rooms/4000/")
        after = numbers((await client.get("/metrics")).text)
    assert after['roomcast_refusals_total{code="not_found"}'] == 1


async def test_what_was_done_is_counted() -> None:
    async with chat_client(1) as client:
        room = (await client.chat.open_room([1, 2])).id
        for text in ("one", "two"):
            await client.chat.post(room, sender=1, text=text)
        before = numbers((await client.get("/metrics")).text)
        async with client.socket(room) as socket:
            await socket.receive_json()
            await socket.send_json({"action": "delete", "message_id": 4_000})
            assert (await socket.receive_json())["code"] == "not_found"
            during = numbers((await client.get("/metrics")).text)
        after = numbers((await client.get("/metrics/")).text)
    assert before['roomcast_changes_total{outcome="added"}'] == 2
    assert after['roomcast_changes_total{outcome="refused"}'] == 1
    assert before["roomcast_commit_seconds_count"] >= 2
    assert before["roomcast_open_sockets"] == 0
    assert (during["roomcast_open_rooms"], during["roomcast_open_sockets"]) == (1, 1)
    assert during["roomcast_join_seconds_count"] == 1
    assert during['roomcast_refusals_total{code="not_found"}'] == 1
    assert after["roomcast_open_rooms"] == 0
    assert after['roomcast_closed_sockets_total{code="1000"}'] == 1
    assert after["roomcast_missed_versions_total"] == 0


async def test_a_setting_turns_them_off() -> None:
    async with chat_client(settings={"server": {"metrics": False}}) as client:
        assert (await client.get("/metrics")).status_code == 404


def test_a_code_that_a_client_makes_up_makes_no_new_number() -> None:
    metrics = Metrics()
    for code in (1000, 4008, 3123, 3124):
        metrics.ended(code)
    codes = re.findall(r'closed_sockets_total{code="(.*?)"} (.*)', metrics.text().decode())
    assert codes == [("1000", "1.0"), ("4008", "1.0"), ("other", "2.0")]


def test_one_worker_answers_for_all(tmp_path: Path) -> None:
    mine, other = Metrics(), Metrics()
    mine.ended(1000)
    other.ended(1000)
    other.ended(1000)
    (tmp_path / "7.prom").write_bytes(other.text())
    workers = WorkerMetrics(tmp_path, mine)
    found = re.findall(
        r'closed_sockets_total{code="1000",worker="(\d+)"} (.*)', workers.text().decode()
    )
    assert ("7", "2.0") in found
    assert len(found) == 2
    forget(tmp_path, 7)
    assert b'worker="7"' not in workers.text()


def test_two_that_ask_at_once_are_both_answered(tmp_path: Path) -> None:
    workers = WorkerMetrics(tmp_path, Metrics())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: workers.text(), range(64)))
    assert all(b"roomcast_commit_seconds_count" in answer for answer in answers)
