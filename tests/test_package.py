"""The wheel: `roomcast/` alone, complete, and it works where there is no checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MADE = (".*", "build", "dist", "*.egg-info", "__pycache__", "attachments", "roomcast.*", "*.db*")
DATA = {"roomcast/py.typed", "roomcast/schema.sql", "roomcast/settings.toml"}
FOR_TESTS = {"roomcast/testing.py", "roomcast/pytest_plugin.py"}  # of other people
TRY = """
import asyncio, sys
import httpx
import roomcast.app

async def main():
    chat = roomcast.app.create_app({"auth": {"secret": "x" * 32}})
    transport = httpx.ASGITransport(chat)
    async with chat.lifespan(), httpx.AsyncClient(transport=transport) as client:
        assert await chat.open_room([1, 2]) == 1
        for path in ("", "static/page.js", "api/v1/swagger/", "api/v1/schema/"):
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


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves things in the folder that it builds."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*MADE))
    pip("wheel", "--no-deps", "-w", str(folder), str(folder / "source"))
    (built,) = folder.glob("*.whl")
    return built


def inside(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def modules() -> Iterator[str]:
    """What the wheel must hold: the modules at the root, and those of its packages."""
    packages = [ROOT, *(p.parent for p in ROOT.glob("[a-z]*/__init__.py"))]
    for folder in packages:
        yield from (f"roomcast/{path.relative_to(ROOT)}" for path in folder.glob("*.py"))


def test_the_wheel_holds_one_package_and_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in inside(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"roomcast"}
    assert {name for name in inside(wheel) if "test" in name} == FOR_TESTS


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    assert {name for name in inside(wheel) if name.endswith(".py")} == set(modules())


def test_the_wheel_holds_its_data(wheel: Path) -> None:
    page = {f"roomcast/static/{path.name}" for path in (ROOT / "static").iterdir()}
    assert inside(wheel) >= DATA | page


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, where there is no checkout beside it."""
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_works_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-c", TRY)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout).is_relative_to(installed)
    assert (tmp_path / "roomcast.db").exists()


def test_a_host_with_modules_of_the_same_names_is_not_disturbed(
    installed: Path, tmp_path: Path
) -> None:
    for name in ("app", "chat", "settings"):
        (tmp_path / f"{name}.py").write_text("ours = True\n")
    for name in ("routes", "store"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("ours = True\n")
    (tmp_path / "test_it.py").write_text(HOSTS_TEST)
    done = run(installed, tmp_path, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio")
    assert done.returncode == 0, done.stdout
