"""Runs the prediction API as a process: wires keys and model, serves, and drains when told to stop."""

import logging
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from helpdesk.ports.store import Role
from helpdesk.settings import ModelSettings, Settings
from helpdesk.web.authentication import AnyOf, Caller, KeyChecker, OwnKey, StoredKeys
from helpdesk.web.server import bind, run
from helpdesk.wiring import open_store
from models.shadow_log import ShadowLog
from prediction_api.app import create_app
from prediction_api.batching import Model
from prediction_api.shadow import Shadow
from prediction_api.source import FixedSource, RegistrySource

_logger = logging.getLogger(__name__)


def serve(settings: Settings, *, load_model: Callable[[ModelSettings], Model] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests in flight, and return.

    Args:
        load_model: gives a model that serves for good; by default the registry's live version serves, whichever it is.

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
        source = FixedSource(partial(load_model, settings.model)) if load_model else RegistrySource(settings.model)
        app = create_app(
            settings.prediction_api,
            source=source,
            keys=AnyOf(checkers),
            open_shadow=partial(open_shadow, settings.state_dir),
        )
        run(app, listener)
    _logger.info("prediction API stopped")


def open_shadow(state_dir: Path, model: Model, is_busy: Callable[[], bool]) -> Shadow:
    """Return a running shadow that writes to the state directory."""
    return Shadow(model, ShadowLog(state_dir, model.info.model_version), is_busy=is_busy)
