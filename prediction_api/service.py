"""Runs the prediction API as a process: wires keys and model, serves, and drains when told to stop."""

import logging
from collections.abc import Callable
from contextlib import closing
from functools import partial

from helpdesk.ports.store import Role
from helpdesk.settings import ModelSettings, Settings
from helpdesk.web.authentication import AnyOf, Caller, KeyChecker, OwnKey, StoredKeys
from helpdesk.web.server import bind, run
from helpdesk.wiring import open_store
from prediction_api.app import create_app
from prediction_api.batching import Model

_logger = logging.getLogger(__name__)


def serve(settings: Settings, *, load_model: Callable[[ModelSettings], Model] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests in flight, and return.

    Args:
        load_model: gives the model; by default the artifact that the settings name.

    Raises:
        InvalidSetting: nothing can listen at this address.
        StoreUnavailable: the database, which holds the API keys, cannot be opened.
    """
    port = settings.prediction_api.port
    listener = bind(settings.prediction_api, port, setting="HELPDESK_PREDICTION_API__PORT")
    with closing(listener), closing(open_store(settings)) as store:
        checkers: list[KeyChecker] = [StoredKeys(store)]
        own = settings.prediction_api.api_key
        if own is not None and own.get_secret_value():
            checkers.insert(0, OwnKey(own.get_secret_value(), Caller("processor", "processor", Role.ML)))
        load = partial(load_model or _load, settings.model)
        app = create_app(settings.prediction_api, load_model=load, keys=AnyOf(checkers))
        run(app, listener)
    _logger.info("prediction API stopped")


def _load(settings: ModelSettings) -> Model:
    from models.classifier import load_classifier  # the heavy imports wait until the service answers /health

    return load_classifier(settings)
