"""Checks of the server API, where verify has a key of it."""

import uuid
from typing import Any
from urllib.parse import quote

from ....client import AsyncChat, ChatError
from ..account import Account
from ..introduction import open_site
from ..shapes import ROOM_SHOWN
from ..stage import Stage, check

TOKEN_LIFETIME = 3  # seconds
ERASED_LIFETIME = 300  # seconds


def with_token(account: Account, token: str) -> Account:
    """Return an account of the same user with another token."""
    other = Account(account.base, account.http, token, account.pace, account.report)
    other.user_id = account.user_id
    return other


@check("authentication", needs_site=True)
async def check_an_expired_token_ends_its_socket(stage: Stage) -> None:
    """4001 when the token of an open socket expires, unless `auth` renewed it before."""
    room = await stage.open_room()
    site = stage.site
    short = (await site.create_token(stage.ada.user_id, ttl=TOKEN_LIFETIME)).token
    ada = with_token(stage.ada, short)
    async with (
        stage.enter(ada, room, after=0, receipts="compact") as renewed,
        stage.enter(ada, room, after=0, receipts="compact") as expires,
    ):
        await renewed.act("auth", token=stage.ada.token)
        await renewed.expect("auth")
        stage.equal(await expires.closes(), 4001, "an expired token closes with 4001")
        await renewed.send_message("a renewed token goes on")
    answer = await ada.request("GET", "chat/unread/")
    stage.equal(answer.status_code, 401, "an expired token is 401")


@check("authentication", needs_site=True, alone=True)
async def check_the_site_disconnects_and_bans(stage: Stage) -> None:
    """4005 at once; a banned user is refused everywhere until the ban is lifted."""
    room, bob = await stage.open_room(), stage.bob.user_id
    async with stage.enter(stage.bob, room, after=0) as b:
        await stage.site.disconnect(bob)
        stage.equal(await b.closes(), 4005, "a disconnected user's sockets close with 4005")
    async with stage.enter(stage.bob, room, after=0) as b:
        await stage.site.ban(bob, reason="roomcast verify")
        try:
            stage.equal(await b.closes(), 4005, "a banned user's sockets close with 4005")
            answer = await stage.bob.request("GET", "chat/unread/")
            stage.equal(answer.status_code, 403, "a banned user's calls are 403")
            async with stage.knock(stage.bob, f"?room_id={room}") as socket:
                stage.equal(await socket.closes(), 4005, "a banned user stays out")
        finally:
            await stage.site.unban(bob)
    async with stage.enter(stage.bob, room, after=0) as b:
        await b.send_message("no longer banned")


@check("authentication", needs_site=True)
async def check_a_users_token_is_no_key(stage: Stage) -> None:
    """The server API takes keys alone, and a key is no user's token."""
    place = stage.deployment
    for key, what in ((stage.ada.token, "a user's token"), ("x" * 40, "a wrong key")):
        async with open_site(place.base, key, place.limit, place.tls, retries=0) as stranger:
            stage.equal(await _status_of(stranger), 401, f"{what} is no key")
    answer = await with_token(stage.ada, stage.deployment.site_key).request("GET", "chat/unread/")
    stage.equal(answer.status_code, 401, "a key is no user's token")


async def _status_of(chat: AsyncChat) -> int:
    try:
        await chat.stats()
    except ChatError as error:
        return error.status
    return 200


@check("nothing_doubled", needs_site=True)
async def check_the_site_posts_once(stage: Stage) -> None:
    """A repeated client_id of the site's posts is the same message, published once."""
    room, ada = await stage.open_room(), stage.ada.user_id
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        fields: dict[str, Any] = {"sender": ada, "client_id": "n1"}
        first = await stage.site.post(room, "for a member", **fields)
        second = await stage.site.post(room, "for a member", **fields)
        stage.equal(second.message_id, first.message_id, "a repeated post is the same message")
        await b.expect_message("for a member")
        await stage.site.edit(room, first.message_id, text="edited by the site")
        await b.expect("message_edited", text="edited by the site")
        await stage.site.delete_message(room, first.message_id)
        await b.expect("message_deleted", message_id=first.message_id)
        stage.equal(len(b.seen("chat_message")), 1, "a repeated post reaches a socket once")


@check("http", needs_site=True)
async def check_everything_of_a_user_is_erased(stage: Stage) -> None:
    """`DELETE chat/me/` removes what the user wrote and gave, also from open sockets."""
    user = f"verify-erased-{uuid.uuid4().hex[:12]}"
    room = await stage.open_room(user)
    eve = with_token(stage.ada, (await stage.site.create_token(user, ttl=ERASED_LIFETIME)).token)
    eve.user_id = user
    sent = await stage.post(eve, room, "to be erased")
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        kept = await b.send_message("stays")
        reaction = f"chat/rooms/{room}/messages/{kept['message_id']}/reactions/{quote('👍')}/"
        await eve.json("PUT", reaction)
        await b.expect("message_reacted", version=3)
        answer = await eve.request("DELETE", "chat/me/")
        stage.equal(answer.status_code, 204, "DELETE chat/me/ is 204")
        for version in (4, 5):
            frame = await b.next()
            while frame.get("version") != version:
                frame = await b.next()
        deleted = b.seen("message_deleted", message_id=sent["message_id"])
        stage.equal(len(deleted), 1, "what the user wrote is deleted")
        reacted = b.seen("message_reacted", reactions=[])
        stage.equal(len(reacted), 1, "the user's reactions are taken back")
    me = await eve.json("GET", "chat/me/")
    stage.equal(me["user_id"], user, "an erased user may still come")
    shown = await eve.json("GET", f"chat/rooms/{room}/", ROOM_SHOWN)
    members = [member["user_id"] for member in shown["members"]]
    stage.holds(user in members, "an erased user stays a member", members)
