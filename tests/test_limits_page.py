"""docs/limits.md: every limit with its default, what becomes of who passes it, and its metric."""

import re
from pathlib import Path

from roomcast.protocol.errors import Close, Refusal
from roomcast.settings import Settings
from roomcast.settings.limit_names import LIMITS, limit_value
from roomcast.testing import chat_client

PAGE = (Path(__file__).parents[1] / "docs/limits.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def test_the_table_has_every_limit_with_its_default() -> None:
    found = {name.strip("`"): float(default.replace(",", "")) for name, default, *_ in ROWS}
    assert found == {name: limit_value(Settings(), name) for name in LIMITS}


def test_the_settings_that_look_like_limits_are_in_it() -> None:
    settings = Settings()
    for section in settings.__struct_fields__:
        for key in getattr(settings, section).__struct_fields__:
            if key.startswith("max_") and section != "webhooks":
                assert f"{section}.{key}" in LIMITS


async def test_the_metrics_are_there_and_their_codes_are_true() -> None:
    async with chat_client(1, {"limits": {"max_members": 7}}) as client:
        text = (await client.get("/metrics")).text
    shown = dict(re.findall(r'roomcast_limit{setting="([^"]+)"} (\S+)', text))
    assert set(shown) == set(LIMITS)
    assert float(shown["limits.max_members"]) == 7
    kinds = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    codes = {kind.code for kind in Refusal.__subclasses__()} | {str(close.code) for close in Close}
    assert all(row[-1].startswith("`roomcast_") for row in ROWS)
    for name, code in re.findall(r'`(roomcast_\w+)(?:{code="(\w+)"})?', PAGE):
        assert name in kinds, name
        assert not code or code in codes | {"1008", "1009"}, code
    for *_, end, _ in ROWS:
        for code in re.findall(r"`(\w+)`", end):
            assert code in codes | {"reset"}, code
