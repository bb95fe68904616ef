"""The examples of docs/proxies: all of them are named, and the proxies themselves read them."""

import re
import subprocess
from pathlib import Path

import pytest

from .engines import Missing
from .engines.balancers import EXAMPLES, Balancer, Haproxy, Nginx

PAGE = Path(__file__).parents[1] / "docs/high-availability.md"


def test_the_examples_are_those_of_the_page() -> None:
    linked = set(re.findall(r"\]\(proxies/([\w.-]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in EXAMPLES.iterdir()}
    for path in EXAMPLES.iterdir():
        assert path.name == "traefik.yml" or "127.0.0.1:8001" in path.read_text()


@pytest.mark.parametrize(("kind", "option"), [(Nginx, "-t"), (Haproxy, "-c")])
def test_a_proxy_reads_its_example(kind: type[Balancer], option: str, tmp_path: Path) -> None:
    try:
        proxy = kind(tmp_path, (8000, 8001))
    except Missing as why:
        pytest.skip(str(why))
    looked = subprocess.run([*proxy.command(), option], capture_output=True, text=True, check=False)
    assert looked.returncode == 0, looked.stderr
    assert "[warn" not in looked.stderr.lower()
