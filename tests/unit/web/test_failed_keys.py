"""Failed authentications are limited by the client's address, without shutting out whoever shares it."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from helpdesk.errors import TooManyRequests
from helpdesk.ports.store import Role
from helpdesk.web.keys import new_key
from helpdesk.web.rate_limit import FailureLimiter
from tests.unit.web.test_http_frame import bearer, build_app

GUESS = bearer(new_key(Role.AGENT, name="guess")[0])
HOME = "192.0.2.1"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("helpdesk.web.rate_limit.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_app(failed_keys_per_minute=3)) as client:
        yield client


def spent(limiter: FailureLimiter, address: str) -> bool:
    try:
        limiter.require_unspent(address)
    except TooManyRequests:
        return True
    return False


@pytest.mark.parametrize("headers", [GUESS, {}], ids=["unknown key", "no key"])
def test_an_address_that_keeps_failing_gets_429_with_retry_after(client: TestClient, headers: dict[str, str]) -> None:
    answers = [client.post("/notes", json={"text": "a"}, headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 61


def test_a_key_that_is_known_works_from_an_address_that_failed_too_often(client: TestClient) -> None:
    for _ in range(5):
        client.post("/notes", json={"text": "a"}, headers=GUESS)
    assert client.post("/notes", json={"text": "a"}, headers=bearer()).status_code == 200


def test_an_address_may_fail_again_in_the_next_minute(clock: list[float]) -> None:
    limiter = FailureLimiter(1)
    limiter.fail(HOME)
    assert spent(limiter, HOME)
    clock[0] += 60
    assert not spent(limiter, HOME)


def test_one_address_does_not_use_up_what_another_has_left() -> None:
    limiter = FailureLimiter(1)
    limiter.fail(HOME)
    assert not spent(limiter, "192.0.2.2")


def test_addresses_of_one_ipv6_network_share_a_count() -> None:
    limiter = FailureLimiter(1)
    limiter.fail("2001:db8::1")
    assert spent(limiter, "2001:db8::ffff")
    assert not spent(limiter, "2001:db8:0:1::1")


def test_what_comes_from_ever_new_addresses_is_limited_in_bounded_memory() -> None:
    limiter = FailureLimiter(5, max_addresses=10)
    for number in range(100):
        limiter.fail(f"198.51.100.{number}")
    assert len(limiter._window.counts) <= 11
    assert spent(limiter, "203.0.113.1")
    assert not spent(limiter, "198.51.100.1")
