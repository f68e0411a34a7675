"""What the pages work with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from agent_console.cookies import Cookies
from agent_console.guesses import Guesses
from agent_console.static_files import StaticFiles
from helpdesk.accounts import Roster, SignIn
from helpdesk.clock import Clock
from helpdesk.desk import Desk
from helpdesk.ports.broker import Broker
from helpdesk.ports.store import Store
from helpdesk.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts behind the pages; lies in ``app.state.services``."""

    settings: Settings
    store: Store
    broker: Broker
    desk: Desk
    roster: Roster
    sign_in: SignIn
    guesses: Guesses
    cookies: Cookies
    static: StaticFiles
    clock: Clock


def services_of(request: Request) -> Services:
    """Return the parts behind the app that serves this request."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


Uses = Annotated[Services, Depends(_services)]
