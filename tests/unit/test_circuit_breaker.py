"""The circuit breaker: closed, open, and what a probe finds."""

import pytest

from helpdesk.adapters.circuit_breaker import CircuitBreaker


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=2, pause_s=5.0, monotonic=clock)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not(breaker: CircuitBreaker) -> None:
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()


def test_an_open_circuit_lets_one_probe_pass_per_period_and_closes_on_its_success(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.failed()
    breaker.failed()
    clock.now = 5.0
    assert breaker.allows()
    assert not breaker.allows()
    clock.now = 6.0
    breaker.failed()
    assert not breaker.allows()
    clock.now = 10.0
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_calls_that_fail_after_the_opening_do_not_put_the_probe_off(breaker: CircuitBreaker, clock: Clock) -> None:
    for second in range(5):
        clock.now = float(second)
        breaker.failed()
    clock.now = 6.0
    assert breaker.allows()
