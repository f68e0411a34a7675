"""Brute force at the sign-in: limits on failures, by name and by address, that shut nobody out for long."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from helpdesk.errors import NotAuthenticated
from helpdesk.people import folded
from helpdesk.settings import AgentConsoleSettings
from helpdesk.web.rate_limit import FailureLimiter, network_of

_FROM_EVERYWHERE = 6
_KNOWN = 10_000


class Guesses:
    """Counts failed sign-ins of the last minute; belongs to one event loop.

    A name may fail a few times from one address, and six times as often from all together. Who attacks a name from
    many addresses can so refuse it to its person for the rest of a minute, but not from a place where that person has
    signed in before.
    """

    def __init__(self, settings: AgentConsoleSettings) -> None:
        wait = "sign-ins failed {where} within a minute; wait until the minute is over, and check {what}."
        by_name = f"{{limit}} {wait.format(where='under this name', what='name and password')}"
        by_address = f"{{limit}} {wait.format(where='from this address', what='what you type')}"
        self._by_address = FailureLimiter(settings.failures_per_address, problem=by_address)
        self._by_pair = FailureLimiter(settings.failures_per_name, problem=by_name)
        self._by_name = FailureLimiter(settings.failures_per_name * _FROM_EVERYWHERE, problem=by_name)
        self._places: OrderedDict[str, None] = OrderedDict()

    @contextmanager
    def guess(self, name: str, address: str) -> Iterator[None]:
        """Count what happens in the block as a failure if it raises NotAuthenticated.

        It counts from the beginning, so that guesses made side by side see each other.

        Args:
            name: whom somebody claims to be (empty: they say so by a key).

        Raises:
            TooManyRequests: no further guess is allowed now.
        """
        name = folded(name)
        place = f"{name}\n{network_of(address)}"
        limits = [(self._by_address, address)]
        if name:
            limits.append((self._by_pair, place))
            limits += [] if place in self._places else [(self._by_name, f"{name}\n")]
        for limiter, counted in limits:
            limiter.require_unspent(counted)
        for limiter, counted in limits:
            limiter.fail(counted)
        try:
            yield
        except NotAuthenticated:
            raise
        except BaseException:
            _forgive(limits)
            raise
        _forgive(limits)
        self._remember(place)

    def _remember(self, place: str) -> None:
        self._places[place] = None
        self._places.move_to_end(place)
        if len(self._places) > _KNOWN:
            self._places.popitem(last=False)


def _forgive(limits: list[tuple[FailureLimiter, str]]) -> None:
    for limiter, counted in limits:
        limiter.forgive(counted)
