"""What is no page: the way in, static files, health and readiness."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException

from agent_console.access import Open, SignedIn
from agent_console.navigation import home_of
from agent_console.services import Uses
from helpdesk.errors import StoreUnavailable

router = APIRouter()


@router.get("/")
async def begin(account: SignedIn) -> RedirectResponse:
    """Lead to the first page that the account may see."""
    return RedirectResponse(home_of(account), status_code=303)


@router.get("/static/{name}")
async def static_file(name: str, services: Uses, _: Open) -> Response:
    """Serve a style sheet or script under its present name."""
    response = services.static.response(name)
    if response is None:
        raise HTTPException(404)
    return response


@router.get("/health")
async def health(_: Open) -> PlainTextResponse:
    """Say that the process is alive."""
    return PlainTextResponse("ok\n")


@router.get("/ready")
def ready(services: Uses, _: Open) -> PlainTextResponse:
    """Say whether pages can be served: 503 while the store is unusable."""
    try:
        services.store.check()
    except StoreUnavailable as error:
        return PlainTextResponse(f"{error}\n", status_code=503)
    return PlainTextResponse("ready\n")
