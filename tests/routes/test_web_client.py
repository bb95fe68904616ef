"""What settings make of the page at `/`: whether it is there, its name, its logo, its colour."""

import json
import re
from html import unescape

import pytest

from .conftest import Make, running

ABOUT = re.compile(r'name="roomcast" content="([^"]+)"')


@pytest.mark.parametrize("is_on", [True, False])
async def test_the_page_is_there_where_the_settings_want_it(make: Make, is_on: bool) -> None:
    async with running(make(server={"web_client": is_on})) as client:
        assert (await client.get("/")).status_code == (200 if is_on else 404)
        assert (await client.get("/uk/")).status_code == (200 if is_on else 404)
        assert (await client.get("/ui/roomcast.js")).status_code == 200


async def test_the_page_has_the_name_the_logo_and_the_colour_of_the_settings(make: Make) -> None:
    wish = {"name": 'Oak & "Sons" <Shop>', "logo": "/logo.svg", "accent": "#b4235a"}
    async with running(make(web=wish)) as client:
        page = (await client.get("/uk/")).text
    match = ABOUT.search(page)
    assert match is not None
    about = json.loads(unescape(match[1]))
    assert {key: about[key] for key in wish} == wish
    assert about["language"] == "uk"
    assert "<title>Oak &amp; &quot;Sons&quot; &lt;Shop&gt;</title>" in page
    assert '<link rel="icon" href="/logo.svg">' in page
    assert '<html lang="uk">' in page
