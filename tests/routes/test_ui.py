"""The files under `ui/`: types, caches, encodings, and who may load them."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from roomcast.app import create_app
from roomcast.routes.ui_bundle import (
    ENTRIES,
    built_files,
    hash_sources,
    join_modules,
    repeated_names,
)
from starlette.applications import Starlette
from starlette.routing import Mount

ROOT = Path(__file__).parent.parent.parent
FILES = {"sdk.js": "text/javascript", "lang/en.js": "text/javascript"}


@asynccontextmanager
async def client_of(
    tmp_path: Path, settings: dict[str, Any] | None = None, **hooks: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a site that has the chat under `/chat`."""
    engines = {
        "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
        "attachments": {"url": f"file:{tmp_path}/attachments"},
        **({} if hooks else {"auth": {"secret": "x" * 32}}),
    }
    chat = create_app(engines | (settings or {}), **hooks)
    site = Starlette(routes=[Mount("/chat", chat)], lifespan=chat.lifespan)
    async with (
        chat.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(site), base_url="http://site/chat/ui/"
        ) as client,
    ):
        yield client


async def nobody(connection: Any) -> None:
    """A site's own login that knows no one."""


@pytest.fixture
async def ui(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(tmp_path, authenticate=nobody) as client:
        yield client


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_served_with_its_type_and_to_every_page(
    ui: httpx.AsyncClient, name: str
) -> None:
    answer = await ui.get(name)
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["content-type"] == f"{FILES[name]}; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["cache-control"] == "public, max-age=300"
    assert (await ui.head(name)).headers["etag"] == headers["etag"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("gzip;q=0", None),
        ("", None),
        ("identity", None),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("gzip;q=x", "gzip"),
    ],
)
async def test_a_file_is_compressed_for_those_who_take_it(
    ui: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    plain = await ui.get("sdk.js", headers={"Accept-Encoding": "identity"})
    answer = await ui.get("sdk.js", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.content == plain.content
    assert int(answer.headers["content-length"]) <= len(plain.content)
    assert (answer.headers["etag"] == plain.headers["etag"]) == (encoding is None)


async def test_a_file_that_did_not_change_is_not_sent_again(ui: httpx.AsyncClient) -> None:
    etag = (await ui.get("sdk.js")).headers["etag"]
    answer = await ui.get("sdk.js", headers={"If-None-Match": f'"other", W/{etag}'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert (await ui.get("sdk.js", headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "../settings.toml", "%2e%2e/settings.toml", "sdk/index.js/../../x"]
)
async def test_nothing_else_is_served(ui: httpx.AsyncClient, name: str) -> None:
    answer = await ui.get(name)
    assert answer.status_code == 404


async def test_a_setting_takes_it_all_away(tmp_path: Path) -> None:
    async with client_of(tmp_path, {"server": {"ui": False}}) as client:
        assert (await client.get("sdk.js")).status_code == 404


# ---------------------------------------------------------------- without a bundler


@pytest.fixture
def web(tmp_path: Path) -> Callable[..., Path]:
    """A folder of modules."""

    def write(**files: str) -> Path:
        for name, source in files.items():
            file = tmp_path / "sdk" / f"{name}.js"
            file.parent.mkdir(exist_ok=True)
            file.write_text(source)
        return tmp_path

    return write


def test_modules_are_joined_behind_what_they_import(web: Callable[..., Path]) -> None:
    folder = web(
        index='import { b } from "./b.js";\n/** What it is. */\nexport const a = () => b;\n'
        'export {\n  c,\n} from "./c.js";\n',
        b='import { c } from "./c.js";\n// why\nexport const b = c; // kept\nexport {};\n',
        c="export class c {\n  /**\n   * x\n   */\n  y = 1;\n}\n",
    )
    joined = join_modules(folder / "sdk/index.js")
    assert joined == "class c {\ny = 1;\n}\nconst b = c;\nconst a = () => b;\nexport { a, c };\n"


LATER = [f"{file.parent.name}/{file.name}" for file in (ROOT / "web").glob("*/lazy-*.js")]


@pytest.mark.parametrize("entry", [*ENTRIES.values(), *LATER])
def test_no_name_is_declared_twice_in_a_bundle(entry: str) -> None:
    assert repeated_names(ROOT / "web" / entry) == []


def test_a_name_that_is_declared_twice_is_found(web: Callable[..., Path]) -> None:
    folder = web(
        index='import { b } from "./b.js";\nconst c = b;\n', b="export const b = 1;\nlet c;\n"
    )
    assert repeated_names(folder / "sdk/index.js") == ["c"]


def test_a_build_of_other_sources_is_not_served(web: Callable[..., Path]) -> None:
    folder = web(index="export const a = 1;\n")
    assert built_files(folder) == {}
    (folder / "dist").mkdir()
    manifest = folder / "dist/manifest.json"
    built = {"sources": hash_sources(folder), "files": {"sdk.js": "sdk.1.js"}}
    manifest.write_text(json.dumps(built))
    assert built_files(folder) == {"sdk.js": "sdk.1.js"}
    web(index="export const a = 2;\n")
    assert built_files(folder) == {}


async def test_what_is_compressed_is_what_is_served(ui: httpx.AsyncClient) -> None:
    async with ui.stream("GET", "sdk.js", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join([part async for part in answer.aiter_raw()])
    assert gzip.decompress(packed) == (await ui.get("sdk.js")).content
