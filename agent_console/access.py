"""Who may see a page: every route declares one rule, and an app with a route that has none does not start."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts

from agent_console.services import services_of
from helpdesk.errors import NotAuthenticated, NotAuthorised
from helpdesk.people import Account, DeskRole


class Rule:
    """A dependency that yields who is signed in.

    Args:
        roles: who may pass (None: everybody, signed in or not).
        looks: whether to look who it is; what is the same for all can be had while the store is away.
    """

    def __init__(self, roles: Iterable[DeskRole] | None, *, looks: bool = True) -> None:
        self.roles = None if roles is None else frozenset(roles)
        self._looks = looks

    async def __call__(self, request: Request) -> Account | None:
        """Return the account.

        Raises:
            NotAuthenticated: nobody is signed in, and somebody must be.
            NotAuthorised: their roles do not suffice.
        """
        account = await self._account(request) if self._looks else None
        request.state.account = account
        if self.roles is None:
            return account
        if account is None:
            raise NotAuthenticated("Nobody is signed in, or the session is over.")
        if not account.roles & self.roles:
            allowed = ", ".join(sorted(self.roles))
            raise NotAuthorised(f"This takes one of the roles {allowed}; you have: {', '.join(sorted(account.roles))}.")
        return account

    async def _account(self, request: Request) -> Account | None:
        services = services_of(request)
        visit = services.cookies.visit(request)
        if visit.is_new:
            return None
        updates_itself = request.method == "GET" and "hx-request" in request.headers
        return await asyncio.to_thread(services.sign_in.account, visit.token, is_active=not updates_itself)


DESK_ROLES = (DeskRole.AGENT, DeskRole.LEAD, DeskRole.OPERATOR)
"""Who works on tickets."""

Open = Annotated[None, Depends(Rule(None, looks=False))]
Anybody = Annotated[Account | None, Depends(Rule(None))]
SignedIn = Annotated[Account, Depends(Rule(DeskRole))]
Agent = Annotated[Account, Depends(Rule(DESK_ROLES))]
Operator = Annotated[Account, Depends(Rule([DeskRole.OPERATOR]))]


def rules(app: FastAPI) -> dict[tuple[str, str], list[Rule]]:
    """Return the rules of every route, by method and path."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            declared = [need.call for need in route.dependant.dependencies if isinstance(need.call, Rule)]
            found |= {(method, route.path): declared for method in route.methods or ()}
    return found


def require_rules(app: FastAPI) -> None:
    """Refuse to serve a route without exactly one rule.

    Raises:
        TypeError: names the route.
    """
    for (method, path), declared in rules(app).items():
        if len(declared) != 1:
            raise TypeError(f"{method} {path} declares {len(declared)} rules of access; declare exactly one")
