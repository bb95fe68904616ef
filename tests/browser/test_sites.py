"""The example sites of the docs in a browser: the elements by each site's own cookie."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from ..embedding.sites import NAMES, Site, Visitor


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """All of them, begun at once."""
    made = {name: Site(name, tmp_path_factory.mktemp(name.lower())) for name in NAMES}
    for site in made.values():
        site.start()
    try:
        for site in made.values():
            site.until_ready()
        yield made
        for site in made.values():
            site.end()
    finally:
        for site in made.values():
            site.kill()


@pytest.mark.parametrize("name", NAMES)
def test_the_elements_work_with_the_login_of_the_site(
    browser: Browser, sites: dict[str, Site], name: str
) -> None:
    way = sites[name].way("directly")
    bob = Visitor(way).log_in("bob")
    context = browser.new_context()
    page = context.new_page()
    assert page.request.post(f"{way.url}/login/ada").ok
    page.goto(way.url)
    chat, inbox = page.locator("roomcast-chat"), page.locator("roomcast-inbox").first
    expect(chat.locator("[part=input]")).to_have_value("Is it still there?")
    chat.locator("[part=input]").press("Enter")
    expect(inbox.locator("[part=item]")).to_contain_text("Is it still there?")
    (room,) = bob.call("GET", f"{bob.api}/receive/")["results"]
    path = f"{bob.api}/rooms/{room['room_id']}/messages/"
    bob.call("POST", path, json={"message": "It is, come and see"})
    expect(chat.locator("[part=text]").last).to_have_text("It is, come and see")
    other = bob.opens("order:9")
    bob.call("POST", f"{bob.api}/rooms/{other}/messages/", json={"message": "By the way"})
    expect(page.locator("roomcast-badge [part=badge]")).to_have_text("1")
    page.locator("roomcast-launcher [part=launcher]").click()
    row = page.locator("roomcast-launcher [part=item]").first
    expect(row).to_contain_text("By the way")
    expect(row.locator("[part=item-title]")).to_have_text("Bob")
    row.click()
    expect(page.locator("roomcast-launcher [part=text]")).to_have_text("By the way")
    expect(page.locator("roomcast-badge")).to_be_hidden()
    context.close()
