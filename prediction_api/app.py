"""The prediction API's routes. The app serves at once, and is ready when its model is loaded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Response
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from helpdesk.ports.store import Role
from helpdesk.predictions import ModelInfo, PredictBatchRequest, PredictBatchResponse, Prediction, PredictRequest
from helpdesk.settings import PredictionApiSettings
from helpdesk.web.app import new_app
from helpdesk.web.authentication import Caller, KeyChecker, require
from helpdesk.web.instrumentation import metrics_response
from helpdesk.web.problems import problem_responses
from prediction_api.serving import OpenShadow, ServingModel
from prediction_api.source import ModelSource

DESCRIPTION = "Intent with calibrated confidence, out-of-scope score and sentiment of support tickets."

Trusted = Annotated[Caller, Depends(require(Role.AGENT, Role.OPERATOR, Role.ML))]
Operating = Annotated[Caller, Depends(require(Role.OPERATOR, Role.ML))]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """The model is loaded."""

    status: Literal["ready"] = "ready"
    model_version: str
    refused: str | None = Field(description="Why the version that should serve does not; null where it does.")


class ServedModel(ModelInfo):
    """The model that serves, and what the registry wants besides."""

    refused: str | None = Field(description="Why the version that should serve does not; null where it does.")
    shadow_version: str | None = Field(description="The version that predicts beside it, without effect.")
    shadow_refused: str | None = Field(description="Why the version that should be in shadow is not.")


def create_app(
    settings: PredictionApiSettings, *, source: ModelSource, keys: KeyChecker, open_shadow: OpenShadow | None = None
) -> FastAPI:
    """Return the app.

    Args:
        source: says which model serves, again and again, and loads it, in threads.
        keys: who may ask.
        open_shadow: starts the version that the source has in shadow; None where nothing shall be.
    """
    serving = ServingModel(source, open_shadow=open_shadow)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        following = asyncio.create_task(serving.follow())
        yield
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
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
        predictions = await serving.predict([request.ticket])
        return _json(predictions[0], _afterwards(serving, [request.ticket], predictions))

    @app.post("/predict/batch", response_model=PredictBatchResponse, responses=responses)
    async def predict_batch(request: PredictBatchRequest, _: Trusted) -> Response:
        """Classify several tickets; the predictions come in their order."""
        predictions = await serving.predict(request.tickets)
        after = _afterwards(serving, request.tickets, predictions)
        return _json(PredictBatchResponse(predictions=predictions), after)


def _add_operation_routes(app: FastAPI, serving: ServingModel) -> None:
    @app.get("/health")
    async def health() -> Health:
        """Say that the process is alive."""
        return Health()

    @app.get("/ready", responses=problem_responses(503))
    async def ready() -> Readiness:
        """Say whether predictions can be had."""
        return Readiness(model_version=serving.info.model_version, refused=serving.refused)

    @app.get("/model", responses=problem_responses(401, 403, 429, 503))
    async def model(_: Trusted) -> ServedModel:
        """Describe the model that serves, and name the one in shadow."""
        return ServedModel(
            **serving.info.model_dump(),
            refused=serving.refused,
            shadow_version=serving.shadow_version,
            shadow_refused=serving.shadow_refused,
        )

    @app.get("/metrics", response_class=Response, responses=problem_responses(401, 403, 429, 503))
    async def prometheus(_: Operating) -> Response:
        """Return this process's metrics in Prometheus' text format."""
        return metrics_response()


def _afterwards(
    serving: ServingModel, texts: Sequence[str], predictions: Sequence[Prediction]
) -> BackgroundTask | None:
    """Return what is done once the response is sent: the version in shadow may read the tickets."""
    return BackgroundTask(serving.show_shadow, texts, predictions) if serving.shadow_version is not None else None


def _json(model: BaseModel, background: BackgroundTask | None) -> Response:
    """Skip FastAPI's second validation: what the model gave is valid, and it is most of a small request's time."""
    return Response(model.model_dump_json(), media_type="application/json", background=background)
