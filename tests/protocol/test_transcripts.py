"""Runs the transcripts beside this file: conversations, frame by frame, as a client sees them.

A line is one step: `{"#": "title"}` begins a conversation in a new room of ada and bob (or of
`"members"`), `{"ada+": "?room_id=$room"}` connects, `{"ada": {…}}` sends (a text goes out as it
is), `{"bob<": {…}}` is the very next frame that bob must get, `{"bob<<": {…}}` the next one that
fits, `{"bob!": 4003}` the code he is closed with, `{"bob-": null}` leaves. A frame may hold more
than the line asks. `"$name"` stands for what was first found in its place, `"$_"` for anything;
`ada2` is another socket of ada.
"""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ..client import Person, Socket

HERE = Path(__file__).parent
Step = dict[str, Any]


def conversations() -> list[Any]:
    found: list[list[Step]] = []
    names: list[str] = []
    for file in sorted(HERE.glob("*.jsonl")):
        for line in filter(str.strip, file.read_text().splitlines()):
            step = json.loads(line)
            if "#" in step:
                names.append(f"{file.stem}: {step['#']}")
                found.append([])
            found[-1].append(step)
    return [pytest.param(steps, id=name) for steps, name in zip(found, names, strict=True)]


class Stage:
    """Who is connected, and what the names with a dollar stand for."""

    def __init__(self, people: dict[str, Person], room: int, stack: AsyncExitStack) -> None:
        self.people = people
        self.known: dict[str, Any] = {"room": room}
        self.stack = stack
        self.sockets: dict[str, Socket] = {}
        self.exits: dict[str, AsyncExitStack] = {}

    async def plays(self, key: str, value: Any) -> None:
        name = key.rstrip("+<!-")
        match key.removeprefix(name):
            case "+":
                await self.connects(name, value)
            case "":
                await self.sends(name, value)
            case "<":
                frame = await self.sockets[name].next()
                assert self.fits(frame, value), f"{name} got {frame}\ninstead of {value}"
            case "<<":
                while not self.fits(await self.sockets[name].next(), value):
                    pass
            case "!":
                assert await self.sockets[name].closes() == value
            case "-":
                await self.exits[name].aclose()

    async def connects(self, name: str, query: str) -> None:
        for known, value in self.known.items():
            query = query.replace(f"${known}", str(value))
        self.exits[name] = await self.stack.enter_async_context(AsyncExitStack())
        person = self.people[name.rstrip("0123456789")]
        self.sockets[name] = await self.exits[name].enter_async_context(person.knocks(query))

    async def sends(self, name: str, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(self.filled(value))
        await self.sockets[name].raw(text)

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: self.filled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        known = isinstance(value, str) and value.startswith("$")
        return self.known[value[1:]] if known else value

    def fits(self, found: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict):
            keys = isinstance(found, dict) and set(wanted) <= set(found)
            return keys and all(self.fits(found[k], v) for k, v in wanted.items())
        if isinstance(wanted, list):
            same = isinstance(found, list) and len(found) == len(wanted)
            return same and all(map(self.fits, found, wanted))
        if isinstance(wanted, str) and wanted.startswith("$"):
            return wanted == "$_" or bool(self.known.setdefault(wanted[1:], found) == found)
        return type(found) is type(wanted) and bool(found == wanted)


@pytest.mark.parametrize("steps", conversations())
async def test_the_conversation_goes_as_written(
    steps: list[Step], ada: Person, bob: Person, eve: Person, stranger: Any
) -> None:
    people = {"ada": ada, "bob": bob, "eve": eve, "carl": stranger()}
    members = [people[name] for name in steps[0].get("members", ["ada", "bob"])]
    room = await members[0].opens(*members[1:])
    async with AsyncExitStack() as stack:
        stage = Stage(people, room, stack)
        for step in steps[1:]:
            for key, value in step.items():
                await stage.plays(key, value)
