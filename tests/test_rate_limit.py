"""One token bucket for each user: what is refused, for how long, and what costs more."""

import asyncio

import pytest
from msgspec.structs import force_setattr
from roomcast.chat import rate_limit
from roomcast.chat.rate_limit import MAX_DEBT, RateLimiter, TokenBucket
from roomcast.protocol.errors import Close, Closing, RateLimited
from roomcast.settings import RateLimit


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rate_limit, "time", made)
    return made


def bucket_of(rate: float = 10, burst: int = 20, grace: float = 5) -> TokenBucket:
    return RateLimiter(RateLimit(rate, burst, grace)).bucket_of("ada")


def allowed(bucket: TokenBucket, tries: int, cost: float = 1.0) -> int:
    """How many of so many actions are taken."""
    taken = 0
    for _ in range(tries):
        try:
            bucket.take(cost)
            taken += 1
        except RateLimited:
            pass
    return taken


@pytest.mark.parametrize(("cost", "taken"), [(1, 20), (2, 10), (4, 5), (20, 1), (200, 1)])
def test_a_burst_passes_by_its_cost(clock: Clock, cost: float, taken: int) -> None:
    assert allowed(bucket_of(), 50, cost) == taken


@pytest.mark.parametrize(("seconds", "taken"), [(0.05, 0), (0.1, 1), (1, 10), (2, 20), (60, 20)])
def test_tokens_come_back_at_the_rate(clock: Clock, seconds: float, taken: int) -> None:
    bucket = bucket_of()
    allowed(bucket, 50)
    clock.now += seconds
    assert allowed(bucket, 50) == taken


def test_a_user_has_one_bucket_and_others_their_own(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(10, 20, 5))
    assert allowed(limiter.bucket_of("ada"), 15) == 15
    assert allowed(limiter.bucket_of("ada"), 15) == 5
    assert allowed(limiter.bucket_of("bob"), 15) == 15


def test_a_bucket_outlives_its_sockets(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_IDLE_BUCKETS", 2)
    limiter = RateLimiter(RateLimit(10, 20, 5))
    held = limiter.bucket_of("ada")
    allowed(held, 20)
    for user in ("bob", "eve", "dan"):
        limiter.bucket_of(user)
    assert limiter.bucket_of("ada") is held  # a socket still holds it


def test_off_is_off(clock: Clock) -> None:
    bucket = bucket_of(rate=0)
    bucket.charge(1e9)
    assert allowed(bucket, 1000, 1000) == 1000


def test_a_reload_counts_for_buckets_in_use(clock: Clock) -> None:
    limit = RateLimit(10, 20, 5)
    bucket = RateLimiter(limit).bucket_of("ada")
    allowed(bucket, 20)
    force_setattr(limit, "rate", 0)
    assert allowed(bucket, 100) == 100


def test_long_excess_closes_a_socket_and_only_refuses_a_request(clock: Clock) -> None:
    bucket = bucket_of(grace=5)
    for _ in range(49):
        allowed(bucket, 30)
        clock.now += 0.1
    assert allowed(bucket, 30) == 1
    clock.now += 0.2
    allowed(bucket, 2)
    with pytest.raises(Closing) as closing:
        bucket.take()
    assert closing.value.close is Close.RATE_LIMITED
    with pytest.raises(RateLimited):
        bucket.take_request()


def test_an_excess_is_over_after_a_pause(clock: Clock) -> None:
    bucket = bucket_of(grace=5)
    for _ in range(40):
        allowed(bucket, 50)
        clock.now += 1.1
    assert allowed(bucket, 50) == 11


def test_a_costly_answer_is_paid_afterwards(clock: Clock) -> None:
    bucket = bucket_of()
    bucket.charge(50)
    with pytest.raises(RateLimited) as refused:
        bucket.take_request()
    assert refused.value.retry_after == pytest.approx(3.1)
    clock.now += refused.value.retry_after
    bucket.take_request()


def test_a_debt_is_bounded(clock: Clock) -> None:
    bucket = bucket_of()
    bucket.charge(1e9)
    clock.now += MAX_DEBT + 0.2
    bucket.take()


async def test_costly_reads_wait_for_each_other_and_for_their_payment(clock: Clock) -> None:
    bucket, running, most = bucket_of(), 0, 0

    async def read() -> str:
        nonlocal running, most
        try:
            async with bucket.costly():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                bucket.charge(15)
                running -= 1
        except RateLimited:
            return "refused"
        return "read"

    assert await asyncio.gather(*(read() for _ in range(5))) == [*["read"] * 2, *["refused"] * 3]
    assert most == 1


async def test_a_socket_waits_for_its_token_and_not_for_long() -> None:
    bucket = bucket_of(rate=1000, burst=1)
    bucket.take()
    await bucket.wait_to_join()
    slow = bucket_of(rate=0.1, burst=1)
    slow.take()
    with pytest.raises(Closing):
        await slow.wait_to_join()


def test_one_export_at_a_time(clock: Clock) -> None:
    bucket = bucket_of()
    with bucket.export(), pytest.raises(RateLimited), bucket.export():
        pass
    with bucket.export():
        pass
