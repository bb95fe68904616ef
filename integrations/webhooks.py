"""What the host is told: its own code by a function, or a server of its own by webhooks.

At least once, and in the order of each room. Events wait in the database from the very commit that
they tell of, so that neither a restart nor a listener that fails loses one; nobody else waits.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..protocol.ids import when, wire_user
from ..realtime.commits import Commit
from ..settings import Webhooks
from ..store import attachments, outbox, receipts, room_list, unread_reminders
from ..store.outbox import Claim, Kind, Listeners, Noted
from ..store.store import Connection, DatabaseUnavailable, Store
from .metrics import Metrics

log = logging.getLogger("roomcast.webhooks")

AT_ONCE = 16  # rooms
OF_A_ROOM = 100  # events of it in one go
WITH_FILES = "message_sent", "message_edited"
HOLD = 90.0  # seconds that a room is claimed: longer than the two together
SPENT = 30.0  # seconds after which no other event of it is begun
ANSWERED = 30.0  # seconds that a listener may take for one
LOOK = 1.0  # seconds until another process's events, or what is due again, are looked for
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 600.0  # seconds between attempts
CHECKED_AT_ONCE = 100
# IPv6 addresses that end in one of IPv4: compatible (RFC 4291), through a translator (RFC 6052).
EMBEDDING = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))
HOOK, WEB = "hook", "web"

Wire = int | str


class EventFile(Struct, frozen=True):
    """A file of the message that an event tells of; `size` is in bytes."""

    name: str
    content_type: str
    size: int


class Event(Struct, frozen=True, omit_defaults=True):
    """Something that happened, after it was committed; times as in the protocol.

    `id` is the same each time that it is told. `user_id` did it, null for the site; or, of
    `messages_unread`, has not read `message_id` and what came after it. `about` is who was let in
    or removed. `text` is what a message says, what was reacted with, or the title. `version` is
    the room's, `members` are as they stand when this is told.
    """

    id: str
    type: Kind
    at: str
    room_id: int
    user_id: Wire | None
    members: list[Wire]
    version: int | None = None
    message_id: int | None = None
    text: str | None = None
    about: Wire | None = None
    unread: int | None = None
    files: list[EventFile] = []


Listener = Callable[[Event], Awaitable[None]]
"""An async function that is told; what it raises means: not told, again later."""


@contextmanager
def of_the_host() -> Iterator[None]:
    """What the host's code awaits may be cancelled: that is a fault of its own, not our end."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("what it awaited was cancelled") from error


def listeners_of(options: Webhooks, on_event: Listener | None) -> dict[str, Listener]:
    """Who is to be told, by the names that their events wait under."""
    found: dict[str, Listener] = {}
    if on_event is not None:
        found[HOOK] = on_event
    if options.url:
        found[WEB] = Webhook(options)
    return found


class Host:
    """Tells the listeners what waits for them."""

    def __init__(
        self,
        store: Store,
        options: Webhooks,
        told: Mapping[str, Listener],
        metrics: Metrics,
        *,
        alone: bool,
    ) -> None:
        """`alone`: no other process tells of this database."""
        self._metrics = metrics
        self._store = store
        self._is_alone = alone
        self._options = options
        self._listeners = told
        self._wake = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    @staticmethod
    def wants(options: Webhooks, told: Mapping[str, Listener]) -> Listeners:
        after = int(options.unread_reminder_after * 1_000_000) if told else 0
        return Listeners(tuple(sorted(told)), after)

    def open(self) -> None:
        if self._listeners:
            self._task = asyncio.create_task(self._run(), name="roomcast webhooks")

    async def aclose(self) -> None:
        """What is not told stays where it is, for the next start."""
        tasks = [*self._telling, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(webhook := self._listeners.get(WEB), Webhook):
            await webhook.aclose()

    async def on_commit(self, commit: Commit) -> None:
        """There may be events of it."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except DatabaseUnavailable as error:
                log.warning("The host is told later, the database is away: %s", error)
            except Exception:
                log.exception("The host could not be told")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._wake.wait()

    async def _look(self) -> None:
        """Claims what is due, as long as there is room for it."""
        self._wake.clear()
        if self._is_alone:  # what is claimed was claimed by a process that is no more
            await self._store.write(outbox.release)
            self._is_alone = False
        if self._options.unread_reminder_after:
            await self._store.write(self._note_unread)
        while (free := AT_ONCE - len(self._telling)) > 0:
            now = _now()
            until = now + int(HOLD * 1_000_000)
            claims = await self._store.write(
                partial(outbox.claim, now=now, until=until, limit=free)
            )
            for claim in claims:
                task = asyncio.create_task(self._tell(claim))
                self._telling.add(task)
                task.add_done_callback(self._told)
            if len(claims) < free:
                return

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        self._wake.set()

    async def _note_unread(self, db: Connection) -> None:
        after = int(self._options.unread_reminder_after * 1_000_000)
        found = await unread_reminders.claim_unread(db, after, _now(), CHECKED_AT_ONCE)
        await self._store.note(db, *found)

    # ------------------------------------------------------------ one room, one listener

    async def _tell(self, claim: Claim) -> None:
        told, failed = 0, False
        until = time.monotonic() + SPENT
        try:
            for noted, event in await self._store.read(partial(_waiting, claim=claim)):
                failed = not await self._tell_one(claim, noted, event)
                told = told if failed else noted.id
                if failed or time.monotonic() > until:
                    break
        except DatabaseUnavailable as error:
            log.warning("Room %d is told later: %s", claim.room_id, error)
        except Exception:
            log.exception("The host could not be told of room %d", claim.room_id)
            failed = True
        finally:
            await self._settle(claim, told, failed=failed)

    async def _tell_one(self, claim: Claim, noted: Noted, event: Event) -> bool:
        try:
            async with asyncio.timeout(ANSWERED):
                with of_the_host():
                    await self._listeners[claim.listener](event)
        except Exception as error:
            is_over = _now() - noted.at > self._options.max_retry_age * 1_000_000
            outcome = "given up" if is_over else "later"
            log.warning("%s: %s, %r: %s", outcome.capitalize(), event.type, event.id, _why(error))
        else:
            is_over, outcome = True, "told"
        self._metrics.told.labels(claim.listener, outcome).inc()
        return is_over

    async def _settle(self, claim: Claim, told: int, *, failed: bool) -> None:
        tries = claim.tries + 1 if failed and not told else int(failed)
        due_at = _now() + (int(_pause(tries) * 1_000_000) if failed else 0)
        settle = partial(outbox.settle, claim=claim, told=told, tries=tries, due_at=due_at)
        try:
            await self._store.write(settle)
        except DatabaseUnavailable as error:  # its claim ends by itself; it may be told twice
            log.warning("Not noted as told: %s", error)


async def _waiting(db: Connection, claim: Claim) -> list[tuple[Noted, Event]]:
    found = await outbox.waiting(db, claim, OF_A_ROOM)
    marks = await receipts.of_room(db, claim.room_id)
    members = [wire_user(user) for user in sorted(marks)]
    told_of = [(n.room_id, n.message_id) for n in found if n.message_id and n.kind in WITH_FILES]
    files = await attachments.of_messages(db, told_of)
    events = []
    for noted in found:
        unread = None
        if noted.kind == "messages_unread":
            unread = await room_list.unread(db, noted.room_id, noted.user_id)
        sent = files.get((noted.room_id, noted.message_id or 0), ())
        event = _event(noted, members, unread)
        shown = [EventFile(f.name, f.content_type, f.size) for f in sent]
        events.append((noted, replace(event, files=shown)))
    return events


def _event(noted: Noted, members: Sequence[Wire], unread: int | None) -> Event:
    gone = msgspec.json.decode(noted.members, type=list[str]) if noted.members else None
    return Event(
        id=f"{noted.room_id}-{noted.id}",
        type=noted.kind,
        at=when(noted.at),
        room_id=noted.room_id,
        user_id=wire_user(noted.user_id) if noted.user_id else None,
        members=list(members) if gone is None else [wire_user(user) for user in gone],
        version=noted.version or None,
        message_id=noted.message_id,
        text=noted.text,
        about=None if noted.about is None else wire_user(noted.about),
        unread=unread,
    )


def _pause(tries: int) -> float:
    """Growing, and never the same for two rooms whose listener failed together."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tries - 1)) * random.uniform(0.5, 1)


def _now() -> int:
    return time.time_ns() // 1000


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


# ---------------------------------------------------------------- by HTTP


class NotTold(Exception):
    """The webhook's server did not take an event: why."""


class Webhook:
    """POSTs events, signed as the Standard Webhooks specification has it (version 1.0.0)."""

    def __init__(self, options: Webhooks) -> None:
        self._options = options
        self._key = key_of(options.secret)
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, event: Event) -> None:
        """Raises NotTold, or what httpx raises."""
        body = msgspec.json.encode(event)
        url = httpx.URL(self._options.url)
        headers = {"Host": url.netloc.decode(), "Content-Type": "application/json"}
        headers |= signed(self._key, event.id, int(time.time()), body)
        *others, last = await self.addresses()
        for address in (*others, last):
            request = self._http.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.host},
            )
            try:
                answer = await self._http.send(request, stream=True)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == last:
                    raise
        await answer.aclose()  # what it says does not matter, nor how long it says it
        if not answer.is_success:
            raise NotTold(f"{self._options.url} answered {answer.status_code}")

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._options.timeout, trust_env=False)
        return self._client

    async def addresses(self) -> list[str]:
        """Those of the URL's host, all of them looked at: none of them is looked up again.

        A name that is looked up twice may lead elsewhere the second time. Raises NotTold.
        """
        url = httpx.URL(self._options.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        for address in addresses:
            if not (self._options.allow_private or is_public(ip_address(address))):
                raise NotTold(
                    f"{url.host} is {address}, a private address: webhooks.allow_private lets it be"
                )
        return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Of the whole internet; an IPv6 address that stands for one of IPv4 is what that one is."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return True
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in EMBEDDING):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return not address.is_site_local and all(is_public(one) for one in inner if one is not None)


def key_of(secret: str) -> bytes:
    """`whsec_` and base64, or any text."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def signed(key: bytes, id_: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent this body, and when (seconds since 1970)."""
    said = f"{id_}.{at}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
