"""`roomcast admin`: manages a running server by its server API."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...client import MessageInfo, ReportInfo, RoomInfo, UserInfo
from ..options import one_sentence, settings_option
from .admin_session import AdminSession, open_session

Command = Callable[..., None]


@click.group("admin", short_help="Look after a running server: rooms, users, bans, reports.")
def admin_group() -> None:
    """Look after a running server, by its server API.

    URL and key come from the settings that the server itself uses, or from --url and --key: name
    the --url of a server that was started with --host or --port. The server keeps running, also on
    SQLite. Each change is recorded in its audit log.

    \b
    Examples:
      roomcast admin stats
      roomcast admin rooms --user 7
      roomcast admin ban 7 --until 2027-01-01T00:00:00Z --reason spam
      roomcast admin post 4 "The order has shipped." --json
    """


def admin_command(name: str) -> Callable[[Command], click.Command]:
    """Return a command of the group, with the options that all of them have."""

    def decorate(run: Command) -> click.Command:
        @functools.wraps(run)
        @one_sentence()
        def command(
            path: Path | None, url: str | None, key: str | None, as_json: bool, **rest: Any
        ) -> None:
            with open_session(path, url, key, as_json=as_json) as session:
                run(session, **rest)

        decorated: Any = command
        for option in (
            settings_option,
            click.option("--url", metavar="URL", help="The address of the server."),
            click.option("--key", metavar="KEY", help="One of its server_api.keys."),
            click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        ):
            decorated = option(decorated)
        return admin_group.command(name)(decorated)

    return decorate


# ---------------------------------------------------------------- rooms and messages


@admin_command("rooms")
@click.argument("room", type=int, required=False)
@click.option("--user", metavar="ID", help="Rooms of this user.")
@click.option("--context", metavar="TEXT", help="Rooms of this context.")
@click.option("--query", metavar="TEXT", help="Rooms whose title, members or context match.")
@click.option("--cursor", metavar="CURSOR", help="The next page, as the last one named it.")
@click.option("--freeze/--unfreeze", "frozen", default=None, help="Make ROOM read-only, or not.")
@click.option("--delete", is_flag=True, help="Delete ROOM with its messages and files.")
def rooms(
    session: AdminSession, room: int | None, frozen: bool | None, delete: bool, **filters: Any
) -> None:
    """List rooms, or show, freeze or delete one.

    \b
    Examples:
      roomcast admin rooms --user 7
      roomcast admin rooms 4 --freeze
    """
    chat = session.chat
    if room is None:
        if frozen is not None or delete:
            raise click.UsageError("Name the ROOM.")
        page = chat.rooms(**filters)
        session.show_all(page, map(_room_line, page), "No rooms.")
    elif delete:
        chat.delete_room(room)
        session.show(None, f"Room {room} is deleted.")
    else:
        shown = chat.room(room) if frozen is None else chat.update_room(room, frozen=frozen)
        session.show(shown, _room_line(shown))


def _room_line(room: RoomInfo) -> str:
    members = ", ".join(str(m["user_id"] if isinstance(m, dict) else m) for m in room.members or ())
    about = (room.about or {}).get("title")
    marks = [room.title, room.context, about, "frozen" if room.frozen else None]
    return "  ".join([f"{room.room_id}", f"members {members}", *filter(None, marks)])


@admin_command("messages")
@click.argument("room", type=int)
@click.option("--before", type=int, metavar="ID", help="Older than this message.")
@click.option("--after", type=int, metavar="ID", help="Newer than this message.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many.")
@click.option("--delete", type=int, metavar="ID", help="Delete this message with its files.")
def messages(session: AdminSession, room: int, delete: int | None, **place: Any) -> None:
    """Read a room's messages, oldest first, or delete one.

    \b
    Examples:
      roomcast admin messages 4 --limit 10
      roomcast admin messages 4 --delete 63
    """
    if delete is not None:
        session.chat.delete_message(room, delete)
        session.show(None, f"Message {delete} is deleted.")
        return
    page = session.chat.messages(room, **place)
    session.show_all(page, map(_message_line, page), "No messages.")


def _message_line(message: MessageInfo) -> str:
    sender = "site" if message.sender_id is None else message.sender_id
    files = "".join(f" [{each['file_name']}]" for each in message.attachments or ())
    written = message.created_at[:19].replace("T", " ")
    return f"{message.message_id}  {written}  {sender}: {message.text}{files}  ({message.status})"


@admin_command("post")
@click.argument("room", type=int)
@click.argument("text")
@click.option("--sender", metavar="ID", help="The member who sends it; otherwise the site.")
@click.option("--client-id", metavar="NAME", help="Makes the command safe to repeat.")
def post(
    session: AdminSession, room: int, text: str, sender: str | None, client_id: str | None
) -> None:
    """Post a message as the site, or for a member.

    \b
    Examples:
      roomcast admin post 4 "The order has shipped."
      roomcast admin post 4 "On my way" --sender 7 --client-id order-55
    """
    named: Any = {"client_id": client_id} if client_id else {}
    message = session.chat.post(room, text, sender=sender, **named)
    session.show(message, _message_line(message))


# ---------------------------------------------------------------- users and moderation


@admin_command("users")
@click.argument("user")
@click.option("--name", help="Set the name that others see.")
@click.option("--disconnect", is_flag=True, help="Close all sockets of the user.")
@click.option("--erase", is_flag=True, help="Erase all data of the user.")
def users(
    session: AdminSession, user: str, name: str | None, disconnect: bool, erase: bool
) -> None:
    """Show a user, or name, disconnect or erase them.

    \b
    Examples:
      roomcast admin users 7 --json
      roomcast admin users 7 --disconnect
    """
    chat = session.chat
    if erase:
        chat.erase_user(user)
        session.show(None, f"Everything of user {user} is erased.")
    elif disconnect:
        chat.disconnect(user)
        session.show(None, f"The sockets of user {user} are closed.")
    else:
        shown = chat.user(user) if name is None else chat.set_user(user, name=name)
        online = "online" if shown.online else f"last seen {shown.last_seen or 'never'}"
        session.show(
            shown, f"{shown.user_id}  {shown.name or '(no name)'}  {online}{_ban_of(shown)}"
        )


def _ban_of(user: UserInfo) -> str:
    if not user.banned:
        return ""
    return f"  banned until {user.banned['until']}" if user.banned["until"] else "  banned for good"


@admin_command("ban")
@click.argument("user")
@click.option("--until", metavar="TIME", help="RFC 3339; otherwise for good.")
@click.option("--reason", default="", metavar="TEXT", help="For the site alone.")
@click.option("--lift", is_flag=True, help="Lift the ban instead.")
def ban(session: AdminSession, user: str, until: str | None, reason: str, lift: bool) -> None:
    """Ban a user: their sockets are closed, and they are refused from now on.

    \b
    Examples:
      roomcast admin ban 7 --until 2027-01-01T00:00:00Z --reason spam
      roomcast admin ban 7 --lift
    """
    if lift:
        session.chat.unban(user)
        session.show(None, f"User {user} is no longer banned.")
    else:
        session.chat.ban(user, until=until, reason=reason)
        session.show(None, f"User {user} is banned {'until ' + until if until else 'for good'}.")


@admin_command("reports")
@click.option("--state", type=click.Choice(["open", "resolved"]), default="open",
              show_default=True, help="Which reports.")  # fmt: skip
@click.option("--cursor", metavar="CURSOR", help="The next page, as the last one named it.")
@click.option("--resolve", type=int, metavar="ID", help="Mark this report as resolved.")
@click.option("--note", default="", metavar="TEXT", help="With --resolve: for other moderators.")
def reports(
    session: AdminSession, state: str, cursor: str | None, resolve: int | None, note: str
) -> None:
    """List what members reported, or resolve a report.

    \b
    Examples:
      roomcast admin reports
      roomcast admin reports --resolve 12 --note "User 7 is banned."
    """
    if resolve is not None:
        report = session.chat.resolve_report(resolve, note)
        session.show(report, f"Report {resolve} is resolved.")
        return
    page = session.chat.reports(state=state, cursor=cursor)
    session.show_all(page, map(_report_line, page), f"No {state} reports.")


def _report_line(report: ReportInfo) -> str:
    place = f"room {report.room_id}, message {report.message_id}"
    return f"{report.id}  {place}  {report.reason}, by {report.reporter_id}: {report.text}"


@admin_command("stats")
def stats(session: AdminSession) -> None:
    """Count users, rooms, messages, bytes and sockets.

    \b
    Examples:
      roomcast admin stats --url https://chat.example.com --key $KEY
    """
    shown = session.chat.stats()
    names = "users", "rooms", "messages", "bytes", "sockets"
    session.show(shown, "\n".join(f"{name:<9}{shown.get(name, 0):>16,}" for name in names))
