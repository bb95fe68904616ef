"""The documents and the code say the same: nothing undocumented, no example that does not hold."""

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Union, get_args

import msgspec
import pytest
from roomcast.chat.account import export
from roomcast.protocol import actions, codec, events
from roomcast.protocol.actions import AnyAction, Send
from roomcast.protocol.errors import Close, Refusal
from roomcast.routes import attachments, config, health, me, members, messages, room_shapes, search
from roomcast.routes import blocks as blocks_
from roomcast.routes.apidocs import pages
from roomcast.server.cli import COMMANDS
from roomcast.settings import HINTS
from starlette.routing import Route

from .pages import PAGES, ROOT, anchors, blocks, links

PROTOCOL = (ROOT / "docs/protocol.md").read_text()
ACTIONS = {kind.__struct_config__.tag: kind for kind in get_args(AnyAction)}
NESTED = events.NotifiedNested  # the other shape of `notify`
EVENTS = {
    kind.__struct_config__.tag: kind for kind in events.Event.__subclasses__() if kind is not NESTED
}
REFUSALS = {kind.code: kind for kind in Refusal.__subclasses__()}
HTTP_ONLY = {"unauthenticated", "method_not_allowed"}


class Refused(msgspec.Struct):
    """What every HTTP error looks like."""

    detail: str
    code: str


SHAPES: dict[str, Any] = {
    "action": AnyAction,
    "event": Union[tuple(EVENTS.values())],  # noqa: UP007 # made of a list
    "first": list[events.Message],
    "nested": NESTED,
    "message": events.Message,
    "refusal": Refused,
    "Send": Send,
    "NewRoom": room_shapes.NewRoom,
    "RoomOpened": room_shapes.RoomOpened,
    "RoomPage": room_shapes.RoomPage,
    "RoomShown": room_shapes.RoomShown,
    "RoomEdit": room_shapes.RoomEdit,
    "NewMember": members.NewMember,
    "NewUpload": attachments.NewUpload,
    "Read": actions.Read,
    "Receipt": events.Receipt,
    "MessagePage": messages.MessagePage,
    "MessagePatch": messages.MessagePatch,
    "Reactions": messages.Reactions,
    "ButtonPress": messages.ButtonPress,
    "MessageReport": messages.MessageReport,
    "BlockPage": blocks_.BlockPage,
    "Me": me.Me,
    "Config": config.Config,
    "SearchPage": search.SearchPage,
    "export": Union[tuple(export.ExportLine.__subclasses__())],  # noqa: UP007 # made of a list
    "Alive": health.Alive,
    "Ready": health.Ready,
}


ASKED = {
    "MessageReport", "ButtonPress", "MessagePatch", "action", "NewRoom", "NewMember", "RoomEdit",
    "NewUpload", "Send", "Read",
}  # fmt: skip


class Example(NamedTuple):
    shape: str
    text: str


def ids(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)[:40]


def examples(text: str) -> list[Example]:
    return [Example(*block) for block in blocks(text, "json")]


def sections(chapter: str) -> dict[str, str]:
    """The `### heading`s of a `## Chapter` of the protocol, and what stands under each."""
    _, _, rest = PROTOCOL.partition(f"\n## {chapter}\n")
    assert rest, f"no chapter {chapter}"
    _, *parts = re.split(r"^### ", rest.partition("\n## ")[0], flags=re.MULTILINE)
    named = (part.partition("\n") for part in parts)
    return {heading.strip("`"): body for heading, _, body in named}


# ---------------------------------------------------------------- the protocol, whole


def test_every_action_is_documented() -> None:
    assert set(sections("Actions")) == set(ACTIONS)


def test_every_event_is_documented() -> None:
    assert set(sections("Events")) == set(EVENTS)


def test_every_refusal_is_documented() -> None:
    assert set(sections("Refusals")) == set(REFUSALS)


def test_every_close_code_is_documented() -> None:
    assert set(sections("Close codes")) == {str(close.code) for close in Close}


def test_every_call_is_documented() -> None:
    known = {
        re.sub(r"{(\w+)(:\w+)?}", r"<\1>", f"{method} {route.path}").replace(" /chat", " chat")
        for table in (*pages.TABLES, health)
        for route in (*table.routes, *health.counted)
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    seen = {call.removesuffix("/") for call in sections("HTTP")}
    assert known - {"GET chat/recieve"} == seen
    assert "`chat/recieve/`" in PROTOCOL


# ---------------------------------------------------------------- the protocol, true


@pytest.mark.parametrize("tag", sorted(ACTIONS))
def test_every_action_has_an_example_of_its_own(tag: str) -> None:
    shown = examples(sections("Actions")[tag])
    assert shown
    assert {type(codec.decode(text)) for _, text in shown} == {ACTIONS[tag]}


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_every_event_has_an_example_of_its_own(tag: str) -> None:
    shown = examples(sections("Events")[tag])
    assert shown
    assert {msgspec.json.decode(text)["type"] for _, text in shown} == {tag}


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_has_an_example_and_its_status(code: str) -> None:
    body = sections("Refusals")[code]
    ((shape, text),) = examples(body)
    assert shape == ("refusal" if code in HTTP_ONLY else "event")
    assert msgspec.json.decode(text)["code"] == code
    assert body.lstrip().startswith(f"HTTP {REFUSALS[code].status}")


@pytest.mark.parametrize("close", Close, ids=lambda close: close.name)
def test_every_close_code_has_its_reason(close: Close) -> None:
    assert f"\n> {close.reason}\n" in sections("Close codes")[str(close.code)]


@pytest.mark.parametrize("example", examples(PROTOCOL), ids=lambda e: f"{e.shape} {e.text[:50]}")
def test_every_example_is_what_the_server_says_and_takes(example: Example) -> None:
    """Every field is known, and the server would write the same."""
    decoded = msgspec.json.decode(example.text, type=SHAPES[example.shape])
    written = msgspec.json.decode(codec.encode(decoded))
    shown = msgspec.json.decode(example.text)
    is_asked = example.shape in ASKED
    assert is_within(shown, written) if is_asked else written == shown


def is_within(part: Any, whole: Any) -> bool:
    """What a client may leave out has a default; what it says is heard."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_within(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return bool(part == whole)


def test_an_example_with_an_unknown_field_would_be_found() -> None:
    odd = codec.encode(msgspec.json.decode(b'{"action":"ping","loud":1}', type=AnyAction))
    assert not is_within({"action": "ping", "loud": 1}, msgspec.json.decode(odd))


# ---------------------------------------------------------------- settings, commands, links


def test_every_setting_is_documented() -> None:
    ((_, manual),) = blocks((ROOT / "docs/settings.md").read_text(), "toml")
    tables = tomllib.loads(manual)
    assert {f"{section}.{key}" for section, table in tables.items() for key in table} == set(HINTS)


def commands(text: str, name: str) -> list[str]:
    """The words after `make` or `roomcast`, wherever a page shows a command."""
    shell = "\n".join(body for _, body in blocks(text, "sh"))
    spans = re.findall(r"`([^`\n]+)`", text)
    return re.findall(rf"(?:^|[(/ ]){name} ([a-z]+)", "\n".join([shell, *spans]), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_make_target_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(commands(page.read_text(), "make")) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_exists(page: Path) -> None:
    assert set(commands(page.read_text(), "roomcast")) <= set(COMMANDS)


def test_the_readme_has_its_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert commands(readme, "make")[:2] == ["run", "test"]
    start = (ROOT / "docs/getting-started.md").read_text()
    assert {"serve", "token"} <= set(commands(start, "roomcast"))


@pytest.mark.parametrize(
    ("page", "link"), [(page, link) for page in PAGES for link in links(page)], ids=ids
)
def test_every_relative_link_leads_somewhere(page: Path, link: str) -> None:
    if re.match(r"[a-z]+:", link):
        return
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert target.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|sql|js|toml|jsonl))`", page.read_text())
    assert [n for n in named if not any(file.endswith(f"/{n}") for file in files())] == []


@cache
def files() -> list[str]:
    """All files of the checkout, each after a slash, without what npm has installed."""
    folders = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    found = [path.name for path in ROOT.iterdir() if path.is_file()]
    for folder in [*folders, "web", "tests", "docs"]:
        for place, inner, names in os.walk(ROOT / folder):
            inner[:] = [name for name in inner if name != "node_modules"]
            found += [os.path.relpath(os.path.join(place, name), ROOT) for name in names]
    return [f"/{file}" for file in found]


def source_tree() -> list[str]:
    """The names in the source tree of docs/development.md."""
    text = (ROOT / "docs/development.md").read_text()
    (drawn,) = [b for _, b in blocks(text, "text") if "app.py  " in b]
    return [line.split()[0] for line in drawn.splitlines()]


def test_the_source_tree_names_what_exists() -> None:
    assert len(source_tree()) >= 8
    assert [name for name in source_tree() if not (ROOT / name).exists()] == []


def test_the_source_tree_names_every_package() -> None:
    packages = {f"{path.parent.name}/" for path in ROOT.glob("[a-z]*/__init__.py")}
    assert len(packages) > 4
    assert (packages | {"tests/"}) - set(source_tree()) == set()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_page_is_reached_from_the_readme(page: Path) -> None:
    assert page in reached()


@cache
def reached() -> set[Path]:
    """The pages to which links lead from the README."""
    seen, to_do = set(), [ROOT / "README.md"]
    while to_do:
        here = to_do.pop()
        seen.add(here)
        near = ((here.parent / link.partition("#")[0]).resolve() for link in links(here))
        to_do += [p for p in near if p.suffix == ".md" and p.exists() and p not in seen]
    return seen


def places() -> list[tuple[str, str]]:
    """Where docs/development.md sends people: a file, and what stands in it."""
    text = (ROOT / "docs/development.md").read_text()
    return re.findall(r"^\| .* \| `([^`]+)` \| `([^`]+)` \|$", text, re.MULTILINE)


@pytest.mark.parametrize(("file", "words"), places())
def test_newcomers_are_sent_to_the_right_place(file: str, words: str) -> None:
    assert words in (ROOT / file).read_text()


def test_newcomers_are_sent_somewhere() -> None:
    assert len(places()) > 15
