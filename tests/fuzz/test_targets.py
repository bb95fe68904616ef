"""The targets of `make fuzz` for a moment: seeds with bytes changed, cut and repeated by chance."""

import random

import pytest

from .targets import SEEDS, TARGETS

ROUNDS = 300


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_taken_or_refused(name: str) -> None:
    chance = random.Random(name)
    for number in range(ROUNDS):
        data = bytearray(SEEDS[name][number % len(SEEDS[name])])
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(data) or 1)
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        TARGETS[name](bytes(data[: chance.randrange(len(data) + 1)] if number % 5 == 0 else data))
