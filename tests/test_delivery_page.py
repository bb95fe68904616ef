"""The page on delivery names classes and methods of the source: each of them exists."""

import ast
import re

import pytest

from .pages import ROOT

PAGE = (ROOT / "docs/how-delivery-works.md").read_text()
PACKAGES = ("server", "realtime", "consumers", "chat", "store", "integrations")
NAMES = sorted(set(re.findall(r"`([A-Z][a-z]\w+(?:\.\w+)?)`", PAGE)))


def members() -> dict[str, set[str]]:
    """The methods of each class of the source."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ClassDef):
                    methods = (ast.FunctionDef, ast.AsyncFunctionDef)
                    names = {each.name for each in node.body if isinstance(each, methods)}
                    found.setdefault(node.name, set()).update(names)
    return found


MEMBERS = members()


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_exists(name: str) -> None:
    class_, _, member = name.partition(".")
    assert class_ in MEMBERS
    assert not member or member in MEMBERS[class_]


def test_each_section_names_what_does_it() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert list(sections) == ["Generation", "Delivery", "Resuming"]
    for section in sections.values():
        assert len([name for name in NAMES if f"`{name}`" in section]) >= 5
