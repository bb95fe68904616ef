"""The package: `roomcast/` alone, complete, at home in another's environment, and quick to load."""

import fcntl
import importlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackagePath
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
MADE = (".*", "build", "dist", "*.egg-info", "__pycache__", "attachments", "roomcast.*", "*.db*")
DATA = {"roomcast/py.typed", "roomcast/schema.sql", "roomcast/settings.toml"}
# for the tests of other people
FOR_TESTS = {
    f"roomcast/testing/{name}.py"
    for name in ("__init__", "client", "groups", "pytest_plugin", "redirect")
}
TRY = """
import asyncio, sys
import httpx
import roomcast.app

async def main():
    chat = roomcast.app.create_app({"auth": {"secret": "x" * 32}})
    transport = httpx.ASGITransport(chat)
    async with chat.lifespan(), httpx.AsyncClient(transport=transport) as client:
        assert (await chat.open_room([1, 2])).id == 1
        for path in ("", "ui/page.js", "api/v1/swagger/", "api/v1/schema/"):
            assert (await client.get(f"http://test/{path}")).status_code == 200, path

asyncio.run(main())
sys.stdout.write(roomcast.app.__file__)
"""

HOSTS_TEST = """
import app, chat, routes, settings, store
import roomcast.app, roomcast.routes, roomcast.store.rooms

def test_it(chat_client):
    assert app.ours and chat.ours and routes.ours and settings.ours and store.ours
    assert roomcast.app.create_app({"auth": {"secret": "x" * 32}}).routes
"""


def test_two_builds_of_one_folder_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "web")
    backend = importlib.import_module("build_backend")
    monkeypatch.setattr(backend, "WEB", tmp_path)
    folder = os.open(tmp_path, os.O_RDONLY)
    with backend.lock_folder(), pytest.raises(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)


def pip(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    env = os.environ | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def left_out(folder: str, names: list[str]) -> list[str]:
    """What servers and builds leave behind, at the root alone but for compiled modules."""
    made = MADE if Path(folder) == ROOT else ("__pycache__", "node_modules", "dist")
    return [name for name in names if any(fnmatch(name, pattern) for pattern in made)]


class Place:
    """Somebody's environment: what roomcast needs is there, and roomcast as it was installed."""

    def __init__(self, folder: Path, *how: str) -> None:
        self.source = folder / "source"
        shutil.copytree(ROOT, self.source, ignore=left_out)
        venv.create(folder / "environment", with_pip=False)
        self.python = folder / "environment/bin/python"
        (self.site_packages,) = (folder / "environment").glob("lib/python*/site-packages")
        ours = sysconfig.get_path("purelib")
        (self.site_packages / "needed.pth").write_text(ours)
        without_npm = {"ROOMCAST_BUILD_WITHOUT_NPM": "1"} if "-e" in how else {}
        command = ("--python", str(self.python), "install", "--no-deps", *how, str(self.source))
        pip(*command, **without_npm)

    def run(self, folder: Path, *arguments: str) -> str:
        """What it prints, with all warnings errors."""
        done = subprocess.run(
            [str(self.python), "-W", "error", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def distribution(self) -> Distribution:
        (info,) = self.site_packages.glob("roomcast-*.dist-info")
        return Distribution.at(info)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Place]:
    """`pip install .` and `pip install -e .`, side by side."""
    folders = [tmp_path_factory.mktemp(name) for name in ("installed", "editable")]
    with ThreadPoolExecutor() as both:
        return list(both.map(Place, folders, ("--no-compile", "-e")))


@pytest.fixture
def installed(places: list[Place]) -> Place:
    return places[0]


@pytest.fixture
def editable(places: list[Place]) -> Place:
    return places[1]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A site that has modules of the same names, and a test of its own."""
    for name in ("app", "chat", "settings"):
        (tmp_path / f"{name}.py").write_text("ours = True\n")
    for name in ("routes", "store"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("ours = True\n")
    (tmp_path / "test_it.py").write_text(HOSTS_TEST)
    return tmp_path


# ---------------------------------------------------------------- what is in it


def packed(place: Place) -> set[str]:
    """The files of the wheel: all that lies there, but for what pip has made."""
    files: list[PackagePath] = place.distribution.files or []
    made = ("INSTALLER", "REQUESTED", "direct_url.json")
    return {str(f) for f in files if "__pycache__" not in f.parts and f.name not in made}


def modules() -> Iterator[str]:
    """What the wheel must hold: the modules at the root, and those of its packages."""
    packages = [p.parent for p in ROOT.glob("[a-z]*/__init__.py")]
    for path in [
        *ROOT.glob("*.py"),
        *(path for folder in packages for path in folder.rglob("*.py")),
    ]:
        yield f"roomcast/{path.relative_to(ROOT)}"


def test_the_package_is_one_folder_and_nothing_else(installed: Place) -> None:
    tops = {name.partition("/")[0] for name in packed(installed) if not name.startswith("..")}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"roomcast"}
    assert {name for name in packed(installed) if "test" in name} == FOR_TESTS


def test_the_package_holds_every_module(installed: Place) -> None:
    assert {name for name in packed(installed) if name.endswith(".py")} == set(modules())


def test_the_package_holds_its_data(installed: Place) -> None:
    page = {f"roomcast/web/page/{path.name}" for path in (ROOT / "web/page").iterdir()}
    statements = {f"roomcast/{path.relative_to(ROOT)}" for path in ROOT.glob("store/**/*.sql")}
    assert len(statements) > 5
    assert packed(installed) >= DATA | page | statements


def test_the_package_says_what_it_is(installed: Place) -> None:
    said = installed.distribution.metadata
    assert (said["Name"], said["License-Expression"], said["Requires-Python"]) == (
        "roomcast",
        "MIT",
        ">=3.11",
    )
    assert said["Summary"] in (ROOT / "README.md").read_text()
    assert said["Description-Content-Type"] == "text/markdown"
    assert set(said.get_all("Provides-Extra") or ()) == {
        *("server", "postgres", "redis", "s3", "thumbnails", "client", "all"),
        *("testing", "dev"),
    }


def test_the_package_holds_what_browsers_load_bundled(installed: Place) -> None:
    built = json.loads((installed.site_packages / "roomcast/web/dist/manifest.json").read_text())
    file = f"roomcast/web/dist/{built['files']['sdk.js']}"
    assert packed(installed) >= {file, f"{file}.gz", "roomcast/web/sdk/index.js"}
    assert not [name for name in packed(installed) if "node_modules" in name]
    if shutil.which("npm"):
        assert packed(installed) >= {f"{file}.br", "roomcast/web/dist/sdk.d.ts"}


def test_what_browsers_load_is_built_without_npm_too(editable: Place, tmp_path: Path) -> None:
    """Minified by what the build requires; the server serves it, for it is of these sources."""
    dist = editable.source / "web/dist"
    names = json.loads((dist / "manifest.json").read_text())["files"]
    assert len((dist / names["sdk.js"]).read_text().splitlines()) < 20
    where = editable.run(
        tmp_path, "-c", "import roomcast.routes.ui as u; print(u.ui_files().keys())"
    )
    assert names["sdk.js"] in where


# ---------------------------------------------------------------- where it is installed


def test_it_works_where_there_is_no_checkout(installed: Place, tmp_path: Path) -> None:
    where = installed.run(tmp_path, "-c", TRY)
    assert Path(where).is_relative_to(installed.site_packages)
    assert (tmp_path / "roomcast.db").exists()


def test_its_command_is_there(installed: Place, tmp_path: Path) -> None:
    assert "serve" in installed.run(tmp_path, str(installed.python.with_name("roomcast")), "--help")


def test_an_editable_one_is_what_stands_in_the_checkout(editable: Place, tmp_path: Path) -> None:
    assert Path(editable.run(tmp_path, "-c", TRY)).is_relative_to(editable.source)
    with (editable.source / "protocol/errors.py").open("a") as module:
        module.write('\nADDED = "a moment ago"\n')
    look = "import roomcast.protocol.errors; print(roomcast.protocol.errors.ADDED)"
    assert editable.run(tmp_path, "-c", look) == "a moment ago\n"


def test_a_host_with_modules_of_the_same_names_is_not_disturbed(
    installed: Place, host: Path
) -> None:
    installed.run(host, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio")


# ---------------------------------------------------------------- beside other packages

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [
    Requirement(text)
    for text in (
        *PROJECT["dependencies"],
        *EXTRAS["postgres"],
        *EXTRAS["redis"],
        *EXTRAS["s3"],
        *EXTRAS["thumbnails"],
    )
]
TRIED = {
    tried.name: next(iter(tried.specifier)).version
    for tried in map(Requirement, EXTRAS["dev"])
    if "==" in str(tried.specifier)
}


def test_what_a_host_may_have_in_other_versions_is_tried_in_one() -> None:
    open_ = [needed for needed in NEEDED if "==" not in str(needed.specifier)]
    assert {needed.name for needed in open_} >= {"starlette", "sqlalchemy", "httpx", "pyjwt"}
    assert [n.name for n in open_ if not n.specifier.contains(TRIED.get(n.name, "0"))] == []


@pytest.mark.parametrize(
    ("missing", "call", "extra"),
    [
        ("asyncpg", "store.store.Store('postgresql://h/d', 'FULL')", "postgres"),
        ("asyncpg", "realtime.brokers.backend_of('postgresql://h/d')", "postgres"),
        ("redis", "realtime.brokers.backend_of('redis://h')", "redis"),
        ("minio", "store.objects.bucket.bucket_of('s3://K:S@h/b')", "s3"),
        ("click", "server.main.main()", "server"),
        ("uvicorn", "server.main.main()", "server"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    missing: str, call: str, extra: str, tmp_path: Path
) -> None:
    module = call.partition("(")[0].rpartition(".")[0]
    look = f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['roomcast', 'serve']\n"
    look += f"import roomcast.{module}\nroomcast.{call}"
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"needs {missing}: pip install 'roomcast[{extra}]'." in done.stderr.splitlines()[-1]


def test_an_engine_is_loaded_when_its_url_asks_for_it(tmp_path: Path) -> None:
    look = (
        "import sys, roomcast.app\n"
        "roomcast.app.create_app({'auth': {'secret': 'x' * 32}})\n"
        "engines = {'asyncpg', 'redis', 'minio', 'urllib3', 'PIL', 'pytest'}\n"
        "print(*sorted(set(sys.modules) & engines))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


BARE = """
import importlib, sys
for name in sys.argv[1].split():
    sys.modules[name] = None
import roomcast

def fails(module):
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return error.name.partition(".")[0]

print(*sorted(f"{m}: {fails(m)}" for m in sys.argv[2:] if fails(m)), sep="\\n")
"""
# What an extra alone brings, and the modules that may need it; others import those when asked.
ENGINES = {
    "asyncpg": ("store/postgres/", "store/transfer/postgres", "store/diagnostics/postgres",
                "realtime/brokers/postgres"),
    "redis": ("realtime/brokers/redis",),
    "minio": ("store/objects/s3", "store/diagnostics/bucket"),
    "urllib3": ("store/objects/s3", "store/diagnostics/bucket"),
    "PIL": ("chat/attachments/resizing",),
}  # fmt: skip


def without(packages: str, look: str, *arguments: str, cwd: Path) -> str:
    """What a program prints where these packages are not installed."""
    command = [sys.executable, "-c", look, packages, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_module_that_no_extra_is_named_for_needs_none(tmp_path: Path) -> None:
    paths = [name.removeprefix("roomcast/").removesuffix(".py") for name in modules()]
    named = tuple(path for places in ENGINES.values() for path in places)
    plain = [path for path in paths if not path.startswith((*named, "testing/"))]
    assert len(plain) > 200
    names = [f"roomcast.{path}".replace("/", ".").removesuffix(".__init__") for path in plain]
    assert without(" ".join(ENGINES), BARE, *names, cwd=tmp_path) == "\n"


RUN = """
import os, sys
for name in sys.argv[1].split():
    sys.modules[name] = None
from click.testing import CliRunner
from roomcast.server.cli import COMMANDS, main

def run(words, env=None):
    result = CliRunner().invoke(main, words, env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    print(result.output)
    return result.exit_code

for name in COMMANDS:
    assert run([name, "--help"]) == 0, name
assert run("doctor") == 0
assert run("move sqlite:///a.db sqlite:///b.db") == 2
print("ENGINES")
assert run("doctor", {"ROOMCAST_DATABASE_URL": "postgresql://h/d"}) == 1
assert run("doctor", {"ROOMCAST_BROADCAST_URL": "redis://h"}) in (1, 2)
assert run("doctor", {"ROOMCAST_ATTACHMENTS_URL": "s3://K:S@h/b"}) in (1, 2)
assert run("move postgresql://h/d sqlite:///b.db") == 2
assert run("backup b", {"ROOMCAST_DATABASE_URL": "postgresql://h/d"}) == 2
assert not os.path.exists("b")  # a failed backup leaves no empty folder
os.mkdir("mine")
assert run("backup mine") == run("backup new") == 2
assert os.path.exists("mine") and not os.path.exists("new")
"""


def test_commands_run_with_the_extra_server_alone_and_name_others(tmp_path: Path) -> None:
    lacking = [name for name in ENGINES if name != "PIL"]  # `server` brings it
    plain, _, engines = without(" ".join(lacking), RUN, cwd=tmp_path).partition("ENGINES")
    assert "will be made at the start" in plain, plain
    assert "Traceback" not in engines, engines
    named = ("asyncpg", "postgres", 3), ("redis", "redis", 1), ("minio", "s3", 1)
    for package, extra, times in named:
        assert engines.count(f"needs {package}: pip install 'roomcast[{extra}]'.") == times, engines
