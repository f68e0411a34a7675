"""A live prediction API for tests: uvicorn in a thread, on a free port, with the shipped model and a real store."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import uvicorn

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.ports.store import Role, Store
from helpdesk.settings import ModelSettings, PredictionApiSettings, Settings
from helpdesk.web.authentication import AnyOf, Caller, OwnKey, StoredKeys
from helpdesk.web.keys import new_key
from helpdesk.web.server import bind
from models.classifier import load_classifier
from prediction_api.app import create_app
from prediction_api.batching import Model
from prediction_api.service import open_shadow
from prediction_api.source import FixedSource, ModelSource

OWN_KEY = "the processor's own key"
START_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class LivePredictionApi:
    """A running service: its address and its keys by role; ``own`` is the processor's."""

    url: str
    keys: Mapping[str, str]
    store: Store

    def client(self, key: str | None = "ml") -> httpx.Client:
        """Return a client that sends the key of this name; the caller closes it."""
        headers = {"Authorization": f"Bearer {self.keys[key]}"} if key is not None else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


def shipped_model() -> Model:
    """Return the classifier of the artifact in the repository."""
    return load_classifier(ModelSettings())


@contextmanager
def running(
    directory: Path,
    *,
    load_model: Callable[[], Model] = shipped_model,
    source: ModelSource | None = None,
    settings: PredictionApiSettings | None = None,
    await_ready: bool = True,
) -> Iterator[LivePredictionApi]:
    """Run the service until the block ends, around one model, or around those of a source with its shadow."""
    settings = settings or PredictionApiSettings()
    with closing(SqlStore.open(Settings(state_dir=directory))) as store:
        store.migrate()
        keys = {"own": OWN_KEY}
        with store.transaction() as tx:
            for role in Role:
                keys[role.value], stored = new_key(role, name=role.value)
                tx.add_api_key(stored)
        checkers = AnyOf([OwnKey(OWN_KEY, Caller("own", "processor", Role.ML)), StoredKeys(store, ttl_s=0.2)])
        app = create_app(
            settings,
            source=source or FixedSource(load_model),
            keys=checkers,
            open_shadow=partial(open_shadow, directory),
        )
        with closing(bind(settings, 0, setting="PORT")) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="live-prediction-api")
            thread.start()
            api = LivePredictionApi(f"http://127.0.0.1:{listener.getsockname()[1]}", keys, store)
            try:
                _await(lambda: server.started)
                if await_ready:
                    _await(lambda: httpx.get(f"{api.url}/ready").is_success)
                yield api
            finally:
                server.should_exit = True
                thread.join()


def _await(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < limit, "the service did not start in time"
        time.sleep(0.02)
