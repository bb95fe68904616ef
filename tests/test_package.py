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
    assert not [name for name in inside(wheel) if "test" in name]


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    assert {name for name in inside(wheel) if name.endswith(".py")} == set(modules())


def test_the_wheel_holds_its_data(wheel: Path) -> None:
    page = {f"roomcast/static/{path.name}" for path in (ROOT / "static").iterdir()}
    assert inside(wheel) >= DATA | page


def test_the_wheel_works_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip("install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRY],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout).is_relative_to(target)
    assert (tmp_path / "roomcast.db").exists()
