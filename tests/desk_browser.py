"""The desk for tests: the real app over real store and broker, people in every role, and a browser without scripts."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from agent_console.app import create_app
from helpdesk.accounts import Passwords
from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.clock import utc_now
from helpdesk.people import DeskRole
from helpdesk.ports.store import Role
from helpdesk.settings import Settings
from helpdesk.tickets import Ticket
from helpdesk.web.keys import new_key
from tests.desk_shop import DeskShop

PASSWORD = "green teapot on the roof"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """One browser: keeps cookies, and sends with each form the token that its pages held."""

    def __init__(self, app: FastAPI, *, base_url: str = "http://desk.test", address: str = "203.0.113.7") -> None:
        self.http = TestClient(
            app, base_url=base_url, follow_redirects=False, raise_server_exceptions=False, client=(address, 50_000)
        )
        self._csrf = ""

    def get(self, path: str, **headers: str) -> Response:
        response = self.http.get(path, headers=headers)
        if found := _CSRF.search(response.text):
            self._csrf = found[1]
        return response

    def post(self, path: str, fields: Mapping[str, Any] | None = None, **headers: str) -> Response:
        """Send a form with the token of the last page that held one."""
        if not self._csrf:
            self.get("/sign-in")
        response = self.http.post(path, data={"csrf_token": self._csrf, **(fields or {})}, headers=headers)
        if found := _CSRF.search(response.text):
            self._csrf = found[1]
        return response

    def read(self, path: str) -> str:
        """Return the text of a page that must be there."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status_code, response.headers.get("location"))
        return response.text

    def sign_in(self, name: str, password: str = PASSWORD) -> "Browser":
        self.get("/sign-in")
        response = self.post("/sign-in", {"name": name, "password": password})
        assert response.status_code == 303, response.text
        self.read("/me")
        return self

    def hidden(self, path: str, name: str) -> str:
        """Return the value of a hidden field on a page."""
        found = re.search(f'name="{name}" value="([^"]*)"', self.read(path))
        assert found is not None, name
        return unescape(found[1])


class Console:
    """The app, the shop behind it, one person per role under the role's name, and one key per role of the API."""

    def __init__(self, directory: Path, **groups: Any) -> None:
        self.settings = Settings(state_dir=directory, DATABASE_URL=None, **groups)
        self.store = SqlStore.open(self.settings)
        self.store.migrate()
        self.broker = EmbeddedBroker(directory / "helpdesk.db", self.settings.broker)
        self.broker.declare()
        self.shop = DeskShop(self.store, self.broker)
        self.shop.now = utc_now()
        passwords = Passwords(hasher=CHEAP)
        self.app = create_app(self.settings, store=self.store, broker=self.broker, passwords=passwords)
        self.services = self.app.state.services
        for role in DeskRole:
            self.add_person(role.value, roles=[role])
        self.keys: dict[Role, str] = {}
        with self.store.transaction() as tx:
            for api_role in Role:
                self.keys[api_role], key = new_key(api_role, name=f"{api_role}-key")
                tx.add_api_key(key)

    def add_person(self, name: str, **fields: Any) -> None:
        self.services.roster.add(name, **({"roles": [DeskRole.AGENT]} | fields))
        self.services.roster.set_password(name, PASSWORD)

    def browser(self, name: str | None = None, **options: Any) -> Browser:
        """Return a browser in which somebody is signed in (None: nobody)."""
        browser = Browser(self.app, **options)
        return browser if name is None else browser.sign_in(name)

    def ticket(self, ticket_id: str) -> Ticket:
        return self.shop.ticket(ticket_id)

    def close(self) -> None:
        self.broker.close()
        self.store.close()


@contextmanager
def open_console(directory: Path, **groups: Any) -> Iterator[Console]:
    with closing(Console(directory, **groups)) as console:
        yield console
