"""Messages that are older than `retention.messages` go, in housekeeping."""

from roomcast.testing import chat_client


async def test_old_messages_go_and_new_ones_stay() -> None:
    settings = {"retention": {"messages": "365d"}}
    async with chat_client(1, settings) as ada:
        old, new = await ada.chat.open_room([1, 2]), await ada.chat.open_room([1, 3])
        await ada.chat.post(old, "long ago", sender=1)
        kept = await ada.chat.post(old, "today", sender=1)
        await ada.chat.post(new, "today", sender=1)
        chat = ada.chat.state.chat
        query = "UPDATE messages SET created_at = 1 WHERE text = 'long ago'"
        await chat.store.write(lambda db: db.execute(query))
        await chat.housekeeping.prune(2)
        assert [m.message_id for m in await ada.chat.messages(old)] == [kept.message_id]
        assert len(await ada.chat.messages(new)) == 1
        assert (await ada.chat.unread(2)).counter == 1


async def test_without_the_setting_nothing_goes() -> None:
    async with chat_client(1) as ada:
        room = await ada.chat.open_room([1, 2])
        await ada.chat.post(room, "long ago", sender=1)
        chat = ada.chat.state.chat
        query = "UPDATE messages SET created_at = 1"
        await chat.store.write(lambda db: db.execute(query))
        await chat.housekeeping.clean()
        assert len(await ada.chat.messages(room)) == 1
