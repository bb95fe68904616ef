"""The page of permissions against the rules of the protocol, which are written down here anew.

What the server does is compared with the page elsewhere. Here the cells are derived from a few
sentences, so that neither is a copy of the other.
"""

from .world import ROLES

Row = dict[str, str]
MEMBERS = ("member", "creator", "blocked", "other's ids")
PUBLIC = {
    "GET /chat/config/", "GET /swagger/", "GET /schema/", "GET /asyncapi/", "GET /healthz",
    "GET /readyz", "GET /metrics",
}  # fmt: skip
# Whom a call of a room refuses, beside those who are no members.
CREATORS = {"PATCH /chat/rooms/{room_id}/", "POST /chat/rooms/{room_id}/members/"}
CREATORS |= {"DELETE /chat/rooms/{room_id}/members/{user_id}/"}
MESSAGE = "/chat/rooms/{room_id}/messages/{message_id}/"
SENDERS = {f"PATCH {MESSAGE}", f"DELETE {MESSAGE}"}
# What reaches the one who has blocked somebody: theirs is refused in a room of two.
WRITING = {
    "POST /chat/rooms/{room_id}/messages/", "POST /chat/attachments/", f"PATCH {MESSAGE}",
    f"POST {MESSAGE}act/", f"PUT {MESSAGE}reactions/{{emoji}}/",
    f"DELETE {MESSAGE}reactions/{{emoji}}/",
}  # fmt: skip
ACTIONS = {"send", "file_uploaded", "edit", "react", "act", "typing"}
ABOUT_A_MESSAGE = {"edit", "delete", "react", "act", "send"}  # a reply names one
ADMITTED = "2xx"


def expected(call: str) -> Row:
    """What each role is answered; `2xx` for any success."""
    if call in PUBLIC or call.startswith("OPTIONS"):
        return dict.fromkeys(ROLES, ADMITTED)
    if "/files/" in call:  # a link has a signature, and these have none
        return dict.fromkeys(ROLES, "403")
    if "/server/" in call:  # a user's token is no key
        return dict.fromkeys(ROLES, "401") | {"server key": ADMITTED}
    return expected_of_user(call)


def expected_of_user(call: str) -> Row:
    row = dict.fromkeys(ROLES, ADMITTED) | {"banned": "403"}
    row |= dict.fromkeys(("expired", "no token", "server key"), "401")  # a key is no user's token
    if "{room_id}" in call or call == "POST /chat/attachments/":
        row |= dict.fromkeys(("removed", "stranger"), "404")
    for applies, refused in (
        (call in CREATORS, {"member": "403", "other's ids": "403", "blocked": "403"}),
        ("/members/" in call, {"blocked": "409"}),  # a room of two keeps its members
        # As if the room were not there.
        (call == "DELETE /chat/delete/{room_id}/", {"member": "404", "other's ids": "404"}),
        ("{message_id}" in call, {"other's ids": "404"}),
        (call in SENDERS, {"creator": "403"}),
        (call in WRITING, {"blocked": "403"}),
        (call == "POST /chat/blocks/{user_id}/", {"stranger": "400"}),  # nobody blocks themselves
    ):
        row |= refused if applies else {}
    return row


def expected_of(action: str) -> Row:
    """What each role is answered on a socket: `ok`, a code, or the code of the close."""
    row = dict.fromkeys(ROLES, "4001") | dict.fromkeys(MEMBERS, "ok")
    row |= {"removed": "4003", "stranger": "4003", "banned": "4005"}
    if action.startswith("notifications:"):  # of all rooms: nobody needs to be in one
        row |= {"removed": "ok", "stranger": "ok"}
    if action in ABOUT_A_MESSAGE:
        row |= {"other's ids": "not_found"}
    if action in ("edit", "delete"):
        row |= {"creator": "forbidden"}
    if action == "file_uploaded":  # nothing was uploaded
        row |= dict.fromkeys(("member", "creator", "other's ids"), "file_missing")
    if action in ACTIONS:
        row |= {"blocked": "forbidden"}
    return row


def is_as_expected(found: str, wanted: str) -> bool:
    return found == wanted or (wanted == ADMITTED and found in ("200", "201", "204"))


def test_the_page_follows_the_rules(documented: dict[str, Row]) -> None:
    assert len(documented) > 60
    for call, found in documented.items():
        wanted = expected(call) if " " in call else expected_of(call)
        differing = {
            role: (found[role], wanted[role])
            for role in ROLES
            if not is_as_expected(found[role], wanted[role])
        }
        assert not differing, (call, differing)


def test_a_success_has_the_status_of_its_kind(documented: dict[str, Row]) -> None:
    """What is deleted answers 204, but for a reaction; what a site makes in rooms, 201."""
    for call, found in documented.items():
        answers = {status for status in found.values() if status.startswith("2")}
        if call.startswith("DELETE") and "reactions" not in call:
            assert answers == {"204"}, call
        if call.startswith("POST /server/rooms/"):
            assert answers == {"201"}, call
