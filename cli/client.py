"""The client of the ticket API that every command uses: one place for the address, the key and what goes wrong."""

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from cli.console import CommandFailed
from cli.local_keys import keys_file, read_keys
from cli.ports import local_url
from helpdesk.ports.store import Role
from helpdesk.settings import Settings

PAGE = 200
ATTEMPTS = 5
LONGEST_WAIT_S = 5.0


class TicketApi:
    """Calls the ticket API with one key. Safe for use by several threads.

    Requests that change nothing, or carry an idempotency key, are tried again while the service is busy or away.
    """

    def __init__(self, url: str, key: str, *, timeout_s: float = 30.0, agent: str | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} | ({"X-Agent": agent} if agent else {})
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON at ``path``; parameters that are None are left out.

        Raises:
            CommandFailed: the service refuses or cannot be reached; says why.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, params=given, attempts=ATTEMPTS)

    def post(self, path: str, body: Any = None, *, idempotency_key: str | None = None) -> Any:
        """Return the JSON answer, None where there is none.

        Raises:
            CommandFailed: the service refuses or cannot be reached; says why.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        attempts = ATTEMPTS if idempotency_key else 1
        return self._send("POST", path, json=body, headers=headers, attempts=attempts)

    def tickets(self, *, limit: int, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield up to ``limit`` tickets, newest first unless ``sort`` says otherwise, page by page."""
        cursor: str | None = None
        while limit > 0:
            page = self.get("/tickets", cursor=cursor, limit=min(limit, PAGE), **filters)
            yield from page["tickets"]
            limit -= len(page["tickets"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _send(self, method: str, path: str, *, attempts: int, **request: Any) -> Any:
        for attempt in range(1, attempts + 1):
            try:
                response = self._http.request(method, path, **request)
            except httpx.ConnectError as error:
                raise CommandFailed(
                    f"No ticket API answers at {self.url}. Start it with `helpdesk run`, or name another with "
                    "HELPDESK_CLIENT__URL."
                ) from error
            except httpx.TransportError as error:
                if attempt == attempts:
                    raise CommandFailed(f"The ticket API at {self.url} did not answer: {error!r}") from error
                time.sleep(min(0.2 * 2**attempt, LONGEST_WAIT_S))
                continue
            except (httpx.InvalidURL, UnicodeEncodeError) as error:
                raise CommandFailed(f"The request to {self.url} cannot be sent: {error}") from error
            if response.status_code in (429, 503) and attempt < attempts:
                time.sleep(min(_retry_after_s(response), LONGEST_WAIT_S))
                continue
            return _answer(response)
        raise AssertionError("the last attempt returns or raises")


def open_api(settings: Settings, role: Role, *, agent: str | None = None) -> TicketApi:
    """Return a client with the configured key, else with this machine's key for the role.

    Args:
        agent: for whom to act; this takes an operator's key.

    Raises:
        CommandFailed: there is no key.
    """
    client = settings.client
    url = client.url or local_url(settings.ticket_api.host, settings.ticket_api.port)
    if client.api_key is not None:
        key = client.api_key.get_secret_value()
    else:
        role = Role.OPERATOR if agent else role
        key = read_keys(settings.state_dir).get(role, "")
    if not key:
        raise CommandFailed(
            f"There is no API key for the role {role}: {keys_file(settings.state_dir)} holds none. "
            "`helpdesk run` makes keys on its first run; or set HELPDESK_CLIENT__API_KEY."
        )
    return TicketApi(url, key, timeout_s=client.timeout_s, agent=agent)


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("retry-after", "1"))
    except ValueError:
        return 1.0


def _answer(response: httpx.Response) -> Any:
    if response.status_code == 204:
        return None
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and body is not None:
        return body
    if not isinstance(body, Mapping) or "detail" not in body:
        raise CommandFailed(
            f"{response.url} answered {response.status_code} without a problem of Helpdesk's: is it the ticket API? "
            "HELPDESK_CLIENT__URL says where it is."
        )
    detail = str(body["detail"])
    remedies = [
        item["remedy"] for item in body.get("errors") or () if item.get("remedy") and item["remedy"] not in detail
    ]
    raise CommandFailed(detail + (f" ({'; '.join(remedies)})" if remedies else ""))
