"""Reports by the server API and from Python."""

import pytest
from roomcast.app import NotFound

from .conftest import Site


async def reported(site: Site, count: int) -> int:
    """So many reports of messages in a room, as members make them; the room's id."""
    room = await site.room(1, 2)
    query = """
        INSERT INTO reports (room_id, message_id, reporter_id, reason, text, created_at)
        VALUES (:room, :message, '2', 'spam', 'again', 1)
    """
    rows = [{"room": room, "message": n} for n in range(1, count + 1)]
    store = site.ada.chat.state.chat.store
    await store.write(lambda db: db.execute_many(query, rows))
    return room


async def test_reports_are_listed_and_resolved(site: Site) -> None:
    room = await reported(site, 2)
    listed = (await site.get("reports/", params={"state": "open"})).json()
    assert listed["next"] is None
    newest, oldest = listed["results"]
    assert newest == {
        "id": newest["id"],
        "room_id": room,
        "message_id": 2,
        "reporter_id": 2,
        "reason": "spam",
        "text": "again",
        "state": "open",
        "note": "",
        "at": "1970-01-01T00:00:00.000001+00:00",
    }
    path = f"reports/{newest['id']}/"
    answer = await site.patch(path, json={"state": "resolved", "note": "warned"})
    assert answer.json() == newest | {"state": "resolved", "note": "warned"}
    assert [r["id"] for r in (await site.get("reports/?state=open")).json()["results"]] == [
        oldest["id"]
    ]
    assert len((await site.get("reports/")).json()["results"]) == 2
    assert (await site.patch(path, json={"state": "open"})).json()["note"] == "warned"


async def test_reports_come_in_pages(site: Site) -> None:
    await reported(site, 60)
    first = (await site.get("reports/")).json()
    rest = (await site.get(first["next"])).json()
    seen = [report["message_id"] for report in first["results"] + rest["results"]]
    assert seen == list(range(60, 0, -1))
    assert rest["next"] is None


async def test_what_is_wrong_is_refused(site: Site) -> None:
    await reported(site, 1)
    for call, status in (
        (site.get("reports/?state=odd"), 400),
        (site.get("reports/?cursor=x"), 400),
        (site.patch("reports/1/", json={"state": "odd"}), 400),
        (site.patch("reports/1/", json={"note": "x" * 1_001}), 400),
        (site.patch("reports/99/", json={"state": "open"}), 404),
        (site.patch("reports/abc/", json={"state": "open"}), 404),
    ):
        assert (await call).status_code == status


async def test_the_same_in_python(site: Site) -> None:
    await reported(site, 1)
    chat = site.ada.chat
    (report,) = await chat.reports()
    resolved = await chat.resolve_report(report.id, note="warned")
    assert (resolved.state, resolved.note) == ("resolved", "warned")
    assert len(await chat.reports()) == 0
    assert len(await chat.reports(state="resolved")) == 1
    with pytest.raises(NotFound):
        await chat.resolve_report(99)
