"""How often a property is tried: with all examples once, with fewer on each further stack."""

from hypothesis import settings

share = 1  # conftest sets it, before the tests are imported


def examples(most: int) -> settings:
    return settings(max_examples=max(5, most // share))
