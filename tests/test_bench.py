"""A measure that could not see what goes wrong would praise a server that loses messages."""

from contextlib import ExitStack
from dataclasses import replace
from xml.etree import ElementTree

import httpx
import pytest
from roomcast.app import create_app

from .bench import plot, report, rounds, rows, world
from .bench.load import fanout
from .bench.load.member import Member, Traffic, audit, token
from .bench.load.wire import WIRES
from .bench.servers import BARE, FULL, SECRET, SOCKETIO, running
from .bench.stage import Stage
from .engines import Missing

ADA, BOB = 41, 42
QUICK = replace(rows.ALL[0], rooms=world.young_rooms(2), seconds=0.1, warm=0.1)


def frame(number: int, sender: int = ADA) -> bytes:
    text = f"{number:08d} of some length"
    return (
        b'{"type":"chat_message","version":%d,"message":{"text":"%s","message_id":%d,'
        b'"sender_id":%d,"version":%d}}'
        % (number + 1, text.encode(), number + 100, sender, number + 1)
    )


def heard(*frames: bytes, wire: str = "seed") -> dict:
    """What the audit says when Ada sent three messages, and Bob heard these frames."""
    ada, bob = (Member(21, user, Traffic(), WIRES[wire]) for user in (ADA, BOB))
    ada.sent = 3
    whole = [frame(n) for n in range(3)] + marks(wire)
    for text in whole:
        ada.take(text)
    for text in frames:
        bob.take(text)
    return audit([(ada, bob)])


def marks(wire: str = "seed") -> list[bytes]:
    if wire == "compact":
        return [b'{"type":"receipt","room_id":21,"user_id":42,"delivered":102,"read":102}']
    return [b'{"type":"mark_message_as_delivered"}', b'{"type":"mark_message_as_read"}'] * 3


GOOD = {"lost": 0, "doubled": 0, "disordered": 0, "receipts_wrong": 0, "errors": 0}


async def test_a_whole_round_has_nothing_wrong():
    for wire in ("seed", "compact"):
        seen = heard(frame(0), frame(1), frame(2), *marks(wire), wire=wire)
        assert GOOD.items() <= seen.items()


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [((0, 2), "lost"), ((0, 1, 1, 2), "doubled"), ((0, 2, 1), "disordered")],
)
async def test_what_goes_wrong_with_a_message_is_seen(numbers, wrong):
    assert heard(*map(frame, numbers), *marks())[wrong] > 0


async def test_a_receipt_too_few_is_seen():
    for wire in ("seed", "compact"):
        frames = [frame(n) for n in range(3)]
        assert heard(*frames, *marks(wire)[1:], wire=wire)["receipts_wrong"] > 0


async def test_what_nobody_expects_is_an_error():
    assert heard(b"[]", b'{"type":"error"}')["errors"] == 1


def test_frames_are_cut_out_of_the_bytes():
    texts = [b"x", b"y" * 200, b"z" * 70_000]
    heads = [b"\x81\x01", b"\x81\x7e\x00\xc8", b"\x81\x7f" + (70_000).to_bytes(8, "big")]
    data = b"".join(head + text for head, text in zip(heads, texts, strict=True))
    assert list(fanout.frames(data)) == texts


def seen(server: str, n: int, rate: float, **more: object) -> dict:
    return {"row": "pair", "round": n, "server": server, "seen": {"rate": rate, "errors": 0} | more}


def test_a_ratio_is_of_one_round():
    ours = [seen(FULL.name, n, rate) for n, rate in enumerate((10.0, 300.0, 40.0))]
    bare = [seen(BARE.name, n, rate) for n, rate in enumerate((10.0, 100.0, 20.0))]
    lines = {li["server"]: li for li in report.summary([rows.ALL[0]], ours + bare)}
    assert (lines[FULL.name]["median"], lines[FULL.name]["x_bare"]) == (40.0, 2.0)
    assert lines[SOCKETIO.name]["median"] is None


def test_only_what_roomcast_does_wrong_fails_a_run():
    others = [seen(SOCKETIO.name, 0, 1.0, disordered=3)]
    assert not any(report.wrongs(report.of_roomcast(others)).values())
    assert any(report.wrongs(report.of_roomcast([seen(FULL.name, 0, 1.0, lost=1)])).values())


def test_a_rival_that_is_missing_is_told_aloud():
    found = rounds.measure(rows.ALL[0], SOCKETIO, Missing("THERE IS NO NODE"), None)
    said = "\n".join(report.verdict([{"row": "pair", "round": 0, "server": "x", "seen": found}]))
    assert "was not measured: THERE IS NO NODE" in said
    assert "0 errors" in said


def test_the_plot_is_an_image():
    both = [seen(FULL.name, 0, 9.0, cpu_us=20.0), seen(BARE.name, 0, 3.0, cpu_us=60.0)]
    lines = report.summary([rows.ALL[0]], both)
    drawn = ElementTree.fromstring(plot.svg([rows.ALL[0]], lines))
    assert "3.00" in [element.text for element in drawn.iter()]


async def test_the_world_is_one_that_the_server_itself_would_have_made(tmp_path):
    urls = {
        "database": f"sqlite:///{tmp_path}/roomcast.db",
        "attachments": f"file:{tmp_path}/files",
    }
    sections = {name: {"url": url} for name, url in urls.items()}
    chat = create_app(sections | {"auth": {"secret": SECRET}})
    async with chat.lifespan():
        pass
    world.fill(tmp_path / "roomcast.db", world.SMALL)
    transport = httpx.ASGITransport(chat)
    headers = {"Authorization": f"Bearer {token(1, SECRET)}"}
    async with chat.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        listed = (await http.get("/api/v1/chat/receive/", headers=headers)).json()["results"]
    assert [room["unread"] for room in listed] == [world.UNREAD] * world.LISTED


def test_a_short_round_on_real_servers(tmp_path):
    stage = Stage(tmp_path, ExitStack())
    for contestant in (BARE, FULL):
        with (
            stage.place(contestant, world.EMPTY) as place,
            running(contestant, place.folder, place.urls) as server,
        ):
            found = rounds.measure(QUICK, contestant, server, stage)
        assert found["rate"] > 0
        assert {name: found[name] for name in GOOD} == GOOD, found["first_errors"]
