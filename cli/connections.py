"""Tries everything that the settings name: store, broker, knowledge base, writer, the two services and MLflow."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

import httpx

from cli.ports import local_url
from helpdesk.errors import HelpdeskError, InvalidData, InvalidSetting
from helpdesk.settings import Settings
from helpdesk.wiring import open_broker, open_knowledge, open_predictor, open_store, open_voice, open_writer

_START = "`helpdesk run` starts it"
_MAKE = "the first `helpdesk run` makes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How one connection stands; ``idle`` is what is not there yet, and starts or is made by `helpdesk run`."""

    name: str
    state: Literal["ok", "idle", "failed"]
    detail: str
    took_ms: float = 0.0


class _Checked(Protocol):
    def check(self) -> None: ...
    def close(self) -> None: ...


def connections(settings: Settings) -> Iterator[Connection]:
    """Yield every connection, tried one after the other."""
    database = settings.state_dir / "helpdesk.db"
    database_is_due = settings.database_url is None and not database.exists()
    index = settings.state_dir / "knowledge"
    store = f"SQLite in {database}" if settings.database_url is None else "PostgreSQL"
    broker = f"embedded queue in {database}" if settings.rabbitmq_url is None else "RabbitMQ"
    knowledge = "Chroma server" if settings.chroma_url else f"local index in {index}"
    prediction = settings.prediction_api.url or local_url(settings.prediction_api.host, settings.prediction_api.port)
    yield _try("store", store, lambda: open_store(settings), due=database_is_due)
    # The embedded queue lives in the store's own file.
    yield _try(
        "broker", broker, lambda: open_broker(settings), due=settings.rabbitmq_url is None and not database.exists()
    )
    yield _try(
        "knowledge", knowledge, lambda: open_knowledge(settings), due=not settings.chroma_url and not index.exists()
    )
    yield _voice(settings)
    yield _writer(settings)
    ours = not settings.prediction_api.url
    yield _try("prediction API", prediction, lambda: open_predictor(settings), may_be_stopped=ours)
    yield _ticket_api(settings)
    if settings.mlflow_tracking_uri is not None:
        yield _try("MLflow", f"experiment {settings.tracking.experiment}", lambda: _tracking(settings))


def _tracking(settings: Settings) -> _Checked:
    from models.tracking import TrackingServer

    return TrackingServer(settings)


def _try(
    name: str, where: str, open_it: Callable[[], _Checked], *, due: bool = False, may_be_stopped: bool = False
) -> Connection:
    if due:
        return Connection(name=name, state="idle", detail=f"{where}: {_MAKE}")
    started = time.perf_counter()
    try:
        with closing(open_it()) as opened:
            opened.check()
    except HelpdeskError as error:
        if may_be_stopped:
            return Connection(name=name, state="idle", detail=f"{where} does not answer: {_START}")
        return Connection(name=name, state="failed", detail=str(error))
    return Connection(name=name, state="ok", detail=where, took_ms=(time.perf_counter() - started) * 1000)


def _voice(settings: Settings) -> Connection:
    try:
        voice = open_voice(settings)
    except InvalidData as error:
        return Connection(name="brand voice", state="failed", detail=str(error))
    if not voice.version:
        return Connection(name="brand voice", state="ok", detail="none: no brand file has a section `voice`")
    greets = ", ".join(sorted(voice.salutation.keys() | voice.sign_off.keys())) or "no language"
    detail = f"{voice.name or 'no name'}, version {voice.version}: greets or signs in {greets}, forbids "
    return Connection(name="brand voice", state="ok", detail=f"{detail}{len(voice.forbidden_words)} words")


def _writer(settings: Settings) -> Connection:
    if settings.writer_provider == "extractive":
        return Connection(name="writer", state="ok", detail="extractive: no model is asked")
    try:
        open_writer(settings).close()
    except (InvalidSetting, InvalidData) as error:
        return Connection(name="writer", state="failed", detail=str(error))
    where = f" at {settings.writer.base_url}" if settings.writer.base_url else ""
    detail = f"{settings.writer.model} by {settings.writer_provider}{where}; not called, for a call may cost money"
    return Connection(name="writer", state="ok", detail=detail)


def _ticket_api(settings: Settings) -> Connection:
    name, url = "ticket API", settings.client.url
    where = (url or local_url(settings.ticket_api.host, settings.ticket_api.port)).rstrip("/")
    started = time.perf_counter()
    try:
        response = httpx.get(f"{where}/ready", timeout=5.0, trust_env=False)
        response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if not url and isinstance(error, httpx.ConnectError):
            return Connection(name=name, state="idle", detail=f"{where} does not answer: {_START}")
        return Connection(name=name, state="failed", detail=f"{where}: {error!r}")
    return Connection(name=name, state="ok", detail=where, took_ms=(time.perf_counter() - started) * 1000)
