"""The statements of the server API on PostgreSQL, each once."""

from roomcast.app import About

from ..engines.postgres import Postgres
from .conftest import a_site


async def test_every_statement_is_right_there_too(postgres: Postgres) -> None:
    async with a_site({"database": {"url": postgres.create_database()}}) as site:
        chat = site.ada.chat
        body = {"members": [1, 2, 3], "title": "Hike", "context": "c"}
        key = {"Idempotency-Key": "k"}
        made = [(await site.post("rooms/", json=body, headers=key)).status_code for _ in range(2)]
        assert made == [201, 200]
        room = await chat.open_room([1, 2], about=About("A bicycle"), data={"a": 1})
        created = await site.ada.post("/api/v1/chat/create/", json={"second_user": 9})
        assert created.status_code == 201
        for query in ("", "?context=c", "?user_id=1&q=hi", "?q=hi", "?user_id=1&context=c"):
            answer = await site.get(f"rooms/{query}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["results"], query
        await chat.update_room(room, title="x", frozen=True, about=None)
        message = await chat.post(room, "Hello", sender=1)
        assert (await chat.edit(room, message, text="Hi")).text == "Hi"
        for query in ("", "?before=9&limit=1", "?after=0"):
            assert (await site.get(f"rooms/{room.id}/messages/{query}")).json()["results"]
        await chat.delete_message(room, message)
        await chat.set_user(1, name="Ada", email="a@example.com")
        assert (await chat.user(1)).name == "Ada"
        await chat.ban(2, until="2030-01-01T00:00:00Z")
        assert (await chat.user(2)).banned
        await chat.unban(2)
        assert len(await chat.reports()) == 0
        assert (await chat.stats()).rooms == 3
        await chat.state.chat.housekeeping.prune(1)
        await chat.add_member(await chat.room(made_room(answer.json())), 7)
        await chat.delete_room(room)


def made_room(listed: dict[str, list[dict[str, int]]]) -> int:
    return listed["results"][0]["id"]
