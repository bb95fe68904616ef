"""Dockerfile and compose.yaml, held to what runs without Docker: CI has none."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context, Group
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from roomcast.server.cli import main
from roomcast.server.startup import refuse_workers
from roomcast.settings import VARIABLES, load
from roomcast.store.objects.s3_url import place_of

from .engines import Missing
from .engines.fixtures import give_up
from .engines.seaweed import Seaweed
from .pages import blocks
from .server import Server, free_port
from .test_package import DATA, modules, pip

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ALL = ("server", "postgres", "redis", "s3", "client", "thumbnails")  # the extras of roomcast[all]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)


def steps(instruction: str) -> list[str]:
    """What follows an instruction of the Dockerfile, wherever it stands."""
    return re.findall(rf"^{instruction} (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def environment(service: str) -> dict[str, str]:
    """As a container gets it, its secrets filled in."""
    said = SERVICES[service]["environment"]
    return {name: re.sub(r"\$\{\w+(:\?[^}]*)?\}", "s" * 64, text) for name, text in said.items()}


# ---------------------------------------------------------------- the image


def test_the_image_is_installed_as_the_readme_says() -> None:
    locked, installed = [step for step in steps("RUN") if "pip" in step]
    assert "--require-hashes -r requirements-build.lock -r requirements.lock" in locked
    extra = r"^cd /src && |--no-cache-dir |--no-deps |--no-build-isolation "
    readme = "\n".join(
        body for _, body in blocks((ROOT / "docs/getting-started.md").read_text(), "sh")
    )
    assert re.sub(extra, "", installed) == "pip install '.[all]'"
    assert "\npip install '.[server]'\nroomcast serve\n" in f"\n{readme}"


def test_the_image_serves_by_a_command_that_there_is() -> None:
    (command,) = map(json.loads, steps("CMD"))
    name, verb, *options = command
    assert isinstance(main, Group)
    serve = main.get_command(Context(main), verb)
    assert serve is not None
    context = serve.make_context(verb, options)
    assert (name, context.params["host"]) == ("roomcast", "0.0.0.0")


def test_the_image_is_no_older_than_the_code_needs() -> None:
    (version,) = re.findall(r"^python:3\.(\d+)-slim@sha256:[0-9a-f]{64}$", *steps("FROM"))
    assert int(version) >= 11


def test_every_image_is_named_by_its_digest() -> None:
    """A tag may lead to other bytes tomorrow."""
    named = [s["image"] for s in SERVICES.values() if "image" in s]
    assert len(named) == 3
    for image in named:
        assert re.fullmatch(r"[\w./-]+:[\d.]+@sha256:[0-9a-f]{64}", image), image


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """The version and the hashes of each package of a lock file."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = {}
    for line in lines:
        pin, *hashes = re.split(r"\s+--hash=", line)
        package, version = pin.split()[0].split("==")
        found[canonicalize_name(package)] = version, hashes
    return found


def test_what_the_image_installs_is_locked_with_hashes() -> None:
    """`make lock` renews it: the versions that the tests run with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    of_extras = [requirement for extra in ALL for requirement in extras[extra]]
    named = map(Requirement, [*project["project"]["dependencies"], *of_extras])
    wanted = [requirement for requirement in named if requirement.name != "roomcast"]
    packages = locked("requirements.lock")
    for requirement in wanted:
        version, hashes = packages[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)
    tested = [Requirement(pin) for pin in extras["dev"] if "==" in pin]
    both = [pin for pin in tested if canonicalize_name(pin.name) in packages]
    assert len(both) > 10
    for pin in both:
        assert pin.specifier.contains(packages[canonicalize_name(pin.name)][0]), pin
    build = locked("requirements-build.lock")
    (setuptools,) = map(Requirement, project["build-system"]["requires"])
    assert setuptools.specifier.contains(build["setuptools"][0])
    assert all(hashes for _, hashes in [*packages.values(), *build.values()])


def test_the_image_is_run_by_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines.index("USER roomcast") < lines.index("WORKDIR /data")
    assert steps("VOLUME") == ["/data"]


def test_the_image_knows_whether_it_is_healthy(own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    assert checked(server.port) == 0
    assert checked(free_port()) == 1


def checked(port: int) -> int:
    (said,) = steps("HEALTHCHECK")
    name, *arguments = json.loads(said.partition("CMD ")[2])
    command = [arg.replace(":8000/", f":{port}/") for arg in arguments]
    assert (name, command != arguments) == ("python", True)
    return subprocess.run([sys.executable, *command], check=False, capture_output=True).returncode


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The files that a build is given."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line.removeprefix("**/") for line in lines if line and line[0] not in "#!"]
    kept = [line[1:] for line in lines if line.startswith("!")]

    def left_out(folder: str, names: list[str]) -> list[str]:
        known = patterns if Path(folder) == ROOT else ["__pycache__"]
        return [n for n in names if n not in kept and any(fnmatch(n, p) for p in known)]

    return shutil.copytree(ROOT, tmp_path / "context", ignore=left_out)


def test_what_the_image_is_built_of_is_enough(context: Path, tmp_path: Path) -> None:
    assert not [name for name in (".git", ".venv", "tests") if (context / name).exists()]
    pip("wheel", "--no-deps", "-w", str(tmp_path), str(context))
    (wheel,) = tmp_path.glob("*.whl")
    page = {f"roomcast/web/page/{path.name}" for path in (ROOT / "web/page").iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) >= DATA | page | set(modules())


# ---------------------------------------------------------------- two servers and their engines


def test_there_are_two_servers_on_two_ports() -> None:
    ports = [port.split(":")[1] for name in OURS for port in SERVICES[name]["ports"]]
    assert len(OURS) == len(set(ports)) == 2


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str) -> None:
    assert [name for name in environment(service) if name not in VARIABLES] == []


@pytest.mark.parametrize("service", OURS)
def test_the_settings_are_ones_that_servers_can_share(service: str, tmp_path: Path) -> None:
    none = tmp_path / "settings.toml"
    none.write_text("")
    settings = load(none, {"server.workers": 2}, environment(service))
    refuse_workers(settings)
    place = place_of(settings.attachments.url)
    hosts = re.findall(r"@(\w+)/|//(\w+):6379", settings.database.url + settings.broadcast.url)
    named = {name for found in hosts for name in found if name} | {
        place.endpoint.host.split(":")[0]
    }
    assert named == set(SERVICES[service]["depends_on"]) == set(SERVICES) - set(OURS)


def test_the_bucket_asks_for_what_the_servers_say() -> None:
    keys = environment("bucket")
    place = place_of(environment(OURS[0])["ROOMCAST_ATTACHMENTS_URL"])
    assert place.key == keys["AWS_ACCESS_KEY_ID"]
    assert place.secret == keys["AWS_SECRET_ACCESS_KEY"]
    (published,) = SERVICES["bucket"]["ports"]
    assert published.endswith(
        f"{place.public.host.split(':')[1]}:{place.endpoint.host.split(':')[1]}"
    )


def test_the_bucket_is_run_as_the_tests_run_it(tmp_path: Path) -> None:
    command, *options = SERVICES["bucket"]["command"]
    try:
        tried = [str(word).partition("=")[0] for word in Seaweed(tmp_path).command()]
    except Missing as why:
        give_up(why)
    assert command in tried
    assert {option.partition("=")[0] for option in options} <= set(tried)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(re.findall(r"\$\{(\w+)", text))


def test_nothing_but_this_machine_reaches_a_port() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
