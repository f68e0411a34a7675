"""The prediction API's routes. The app serves at once, and is ready when its model is loaded."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Response
from prometheus_client import Counter
from pydantic import BaseModel

from helpdesk import metrics
from helpdesk.errors import ModelUnavailable
from helpdesk.ports.store import Role
from helpdesk.predictions import ModelInfo, PredictBatchRequest, PredictBatchResponse, Prediction, PredictRequest
from helpdesk.settings import PredictionApiSettings
from helpdesk.web.app import new_app
from helpdesk.web.authentication import Caller, KeyChecker, require
from helpdesk.web.instrumentation import metrics_response
from helpdesk.web.problems import problem_responses
from prediction_api.batching import Batcher, Model

RETRY_LOADING_S = 5.0
DESCRIPTION = "Intent with calibrated confidence, out-of-scope score and sentiment of support tickets."

_logger = logging.getLogger(__name__)

Trusted = Annotated[Caller, Depends(require(Role.AGENT, Role.OPERATOR, Role.ML))]
Operating = Annotated[Caller, Depends(require(Role.OPERATOR, Role.ML))]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """The model is loaded."""

    status: Literal["ready"] = "ready"
    model_version: str


class ServingModel:
    """The model once it is loaded, and until then the reason why it is not."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._reason = "The model is being loaded; try again in a few seconds."
        self._info: ModelInfo | None = None
        self._batcher: Batcher | None = None

    async def load(self) -> None:
        """Load in a thread; where that fails, say why and try again, so that a restored artifact is picked up."""
        while self._batcher is None:
            try:
                model = await asyncio.to_thread(self._load)
            except ModelUnavailable as error:
                self._reason = str(error)
                _logger.error("model unavailable", extra={"reason": self._reason})
                await asyncio.sleep(RETRY_LOADING_S)
            else:
                self._info, self._batcher = model.info, Batcher(model)
                _logger.info("model loaded", extra={"model_version": self._info.model_version})

    async def close(self) -> None:
        """Finish what waits."""
        if self._batcher is not None:
            await self._batcher.close()

    @property
    def info(self) -> ModelInfo:
        """What serves; raises ModelUnavailable."""
        if self._info is None:
            raise ModelUnavailable(self._reason)
        return self._info

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return predictions; raises ModelUnavailable or PredictionFailed."""
        if self._batcher is None:
            raise ModelUnavailable(self._reason)
        predictions = await self._batcher.predict(texts)
        for prediction in predictions:
            _counter(prediction.predicted_label, prediction.out_of_scope).inc()
            metrics.prediction_confidence.observe(prediction.prediction_confidence)
        return predictions


def create_app(settings: PredictionApiSettings, *, load_model: Callable[[], Model], keys: KeyChecker) -> FastAPI:
    """Return the app.

    Args:
        load_model: called once the app starts, in a thread; may raise ModelUnavailable, and is then called again.
        keys: who may ask.
    """
    serving = ServingModel(load_model)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        loading = asyncio.create_task(serving.load())
        yield
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await serving.close()

    app = new_app(
        title="Helpdesk prediction API", description=DESCRIPTION, settings=settings, keys=keys, lifespan=lifespan
    )
    _add_prediction_routes(app, serving)
    _add_operation_routes(app, serving)
    return app


def _add_prediction_routes(app: FastAPI, serving: ServingModel) -> None:
    responses = problem_responses(400, 401, 403, 413, 422, 429, 500, 503)

    @app.post("/predict", response_model=Prediction, responses=responses)
    async def predict(request: PredictRequest, _: Trusted) -> Response:
        """Classify one ticket. Calls that come at the same time are batched."""
        (prediction,) = await serving.predict([request.ticket])
        return _json(prediction)

    @app.post("/predict/batch", response_model=PredictBatchResponse, responses=responses)
    async def predict_batch(request: PredictBatchRequest, _: Trusted) -> Response:
        """Classify several tickets; the predictions come in their order."""
        return _json(PredictBatchResponse(predictions=await serving.predict(request.tickets)))


def _add_operation_routes(app: FastAPI, serving: ServingModel) -> None:
    @app.get("/health")
    async def health() -> Health:
        """Say that the process is alive."""
        return Health()

    @app.get("/ready", responses=problem_responses(503))
    async def ready() -> Readiness:
        """Say whether predictions can be had."""
        return Readiness(model_version=serving.info.model_version)

    @app.get("/model", responses=problem_responses(401, 403, 429, 503))
    async def model(_: Trusted) -> ModelInfo:
        """Describe the model that serves."""
        return serving.info

    @app.get("/metrics", response_class=Response, responses=problem_responses(401, 403, 429, 503))
    async def prometheus(_: Operating) -> Response:
        """Return this process's metrics in Prometheus' text format."""
        return metrics_response()


@cache
def _counter(intent: str, out_of_scope: bool) -> Counter:
    """Looking a child up by its labels costs more than counting does."""
    return metrics.predictions.labels(intent, str(out_of_scope).lower())


def _json(model: BaseModel) -> Response:
    """Skip FastAPI's second validation: what the model gave is valid, and it is most of a small request's time."""
    return Response(model.model_dump_json(), media_type="application/json")
