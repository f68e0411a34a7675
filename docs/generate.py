"""Writes the generated parts of the reference pages: ``python docs/generate.py``; ``--check`` only says what is stale.

A page keeps its prose. What the code knows better stands between ``<!-- generated: NAME -->`` and
``<!-- end of generated -->`` and is replaced.
"""

import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn, get_args

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from helpdesk import errors, failpoints, metrics
from helpdesk.errors import ModelUnavailable
from helpdesk.messages import Message
from helpdesk.ports.store import Role
from helpdesk.settings import PREFIX, PROJECT_DIR, Settings
from helpdesk.web.authentication import StoredKeys, _Require
from helpdesk.web.problems import TYPE_PREFIX, slug_of, status_of

DOCS = Path(__file__).resolve().parent
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end of generated -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_sentence(item: object) -> str:
    return inspect.cleandoc(inspect.getdoc(item) or "").partition("\n\n")[0]


# Settings


def settings() -> str:
    """Return every setting by group."""
    plain = [(name, field) for name, field in Settings.model_fields.items() if not _is_group(field)]
    groups = [(name, field) for name, field in Settings.model_fields.items() if _is_group(field)]
    parts = ["### Where things are\n\n" + _settings_table((_env_name(name, field), field) for name, field in plain)]
    for name, field in groups:
        group: type[BaseModel] = field.annotation  # type: ignore[assignment]
        rows = ((f"{PREFIX}{name}__{inner}".upper(), inner_field) for inner, inner_field in group.model_fields.items())
        parts.append(f"### {_first_sentence(group).rstrip('.')}\n\n" + _settings_table(rows))
    return "\n".join(parts)


def _is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _env_name(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if alias is not None and hasattr(alias, "choices") else f"{PREFIX}{name}".upper()


def _settings_table(rows: Iterable[tuple[str, FieldInfo]]) -> str:
    return table(
        ("name", "default", "what it does"),
        ((f"`{name}`", _default(field), field.description or "") for name, field in rows),
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        secret = field.annotation is SecretStr or SecretStr in get_args(field.annotation)
        return "unset (secret)" if secret else "unset"
    if isinstance(value, Path):
        return (
            f"`{value.relative_to(PROJECT_DIR)}` in the project" if value.is_relative_to(PROJECT_DIR) else f"`{value}`"
        )
    return f"`{value}`" if value != "" else "empty"


# Messages


def messages() -> str:
    """Return every message with its fields."""
    return "\n".join(_message(kind) for kind in message_types())


def message_types() -> tuple[type[BaseModel], ...]:
    """Return every type that may travel through the broker."""
    members: tuple[type[BaseModel], ...] = get_args(get_args(Message)[0])
    return members


def _message(kind: type[BaseModel]) -> str:
    tag = kind.model_fields["kind"].default
    schema = kind.model_json_schema()
    rows = (
        (f"`{name}`", _type(field, schema.get("$defs", {})))
        for name, field in schema["properties"].items()
        if name != "kind"
    )
    return f"### `{tag}`\n\n{inspect.cleandoc(kind.__doc__ or '').replace('``', '`')}\n\n" + table(
        ("field", "type"), rows
    )


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _type(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return " or ".join(_type(choice, definitions) for choice in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    kind = {"date-time": "time, ISO 8601"}.get(schema.get("format", ""), str(schema.get("type", "any")))
    return f"{kind}, from {schema['minimum']}" if "minimum" in schema else kind


# Metrics


def metrics_table() -> str:
    """Return every metric."""
    return table(
        ("metric", "kind", "labels", "what it counts or measures"),
        ((f"`{name}`", kind, labels, text) for name, kind, labels, text in _metric_rows()),
    )


def metric_names() -> list[str]:
    """Return the name of every metric, as Prometheus reads it."""
    return [name for name, *_ in _metric_rows()]


def _metric_rows() -> Iterator[tuple[str, str, str, str]]:
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            described = next(iter(metric.describe()))
            name = f"{described.name}_total" if described.type == "counter" else described.name
            labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "none"
            yield name, described.type, labels, described.documentation


# Problems

_WHAT_TO_DO: Mapping[str, str] = {
    "invalid-setting": "The operator corrects the setting that the log names.",
    "invalid-data": "Correct the file and the field that the detail names.",
    "policy-refused": "Correct the rules that `errors` lists, each with its remedy; the policy in force stays.",
    "articles-refused": "Correct the articles that `errors` lists, each with its remedy; nothing was changed.",
    "undecodable-message": "The bytes are no message of Helpdesk; look at who published them.",
    "payload-too-large": "Send less, or split it.",
    "ticket-not-found": "Check the id. A portal sees only the tickets that it posted itself.",
    "queue-not-found": "Use one of the names that `GET /queues` lists.",
    "queue-empty": "Nothing to do; over HTTP an empty queue answers 204 instead.",
    "dead-letter-not-found": "Check the id with `GET /dead-letters`.",
    "api-key-not-found": "Check the id with `helpdesk keys list`.",
    "person-not-found": "Check the name with `helpdesk people list`.",
    "article-not-found": "Find the id with `helpdesk kb search`.",
    "knowledge-version-not-found": "Find the version with `helpdesk kb versions` or `GET /knowledge/versions`.",
    "policy-version-not-found": "Find the number with `helpdesk policy history` or `GET /policy/versions`.",
    "decision-not-found": "Ask again once the ticket is decided, or name a turn that was.",
    "illegal-transition": "Read the ticket again; the detail names what its status allows.",
    "version-conflict": "Read the ticket again, and repeat what still makes sense.",
    "already-claimed": "Take another ticket. For a message from the broker: acknowledge it and drop it.",
    "at-capacity": "Finish or release a ticket, or have an operator raise the capacity.",
    "not-claimed": "Claim the ticket, then repeat.",
    "idempotency-conflict": "Send a new `Idempotency-Key` with a new request.",
    "article-exists": "Change the article instead, or choose another id.",
    "person-exists": "Choose another name, or edit the person who has it.",
    "promotion-refused": "Not over HTTP: read what each criterion found; train a better one, or force it.",
    "not-authenticated": "Send a key as `Authorization: Bearer …` or `X-API-Key: …`.",
    "not-authorised": "Use a key with one of the roles that the detail names.",
    "too-many-requests": "Wait for as many seconds as `Retry-After` says.",
    "store-unavailable": "Try again after `Retry-After`, under the same `Idempotency-Key`. Nothing was stored.",
    "broker-unavailable": "Try again after `Retry-After`. Intake needs no broker and goes on.",
    "publish-unconfirmed": "Nothing to do for a caller: the message stays in the outbox and is published again.",
    "queue-full": "Nothing to do for a caller: the message stays in the outbox until the queue has room.",
    "unroutable": "The operator looks for a queue that was deleted; the message stays in the outbox.",
    "broker-misconfigured": "The operator corrects what the detail names; see the topology page.",
    "prediction-failed": "Ask for the others without the tickets that the detail counts off; the log says why.",
    "predictor-unavailable": "Nothing to do for a caller: the ticket is tried again, then handed to a person.",
    "model-unavailable": "Try again; if it lasts, the operator checks `GET /ready` of the prediction API.",
    "knowledge-unavailable": "The operator loads the knowledge base: `helpdesk kb load`.",
    "tracking-unavailable": "Nothing to do for a caller: only commands about models talk to MLflow.",
    "writer-unavailable": "Nothing to do for a caller: the ticket is tried again, then handed to a person.",
}

FRAME_PROBLEMS: Sequence[tuple[str, int, str, str]] = (
    (
        "invalid-input",
        422,
        "A field of the request is wrong.",
        "Correct the fields that `errors` lists, each with its remedy.",
    ),
    (
        "malformed-body",
        400,
        "The body is no JSON in UTF-8, or nests too deep.",
        "Send JSON; the detail says where it breaks.",
    ),
    ("no-such-path", 404, "Nothing is served at this path.", "See `/openapi.json`."),
    ("method-not-allowed", 405, "The path does not take this method.", "Use one that `Allow` names."),
    ("internal-error", 500, "Something went wrong on our side.", "Report it with the `correlation_id`."),
)
"""Problems that no error class stands for."""


def problems() -> str:
    """Return every problem: those of the HTTP frame, then the error classes that are raised."""
    raised = [(slug_of(item), int(status_of(item)), _first_sentence(item)) for item in raised_errors()]
    rows = [*FRAME_PROBLEMS, *((slug, status, text, _WHAT_TO_DO[slug]) for slug, status, text in raised)]
    return table(
        ("type", "status", "what it means", "what to do"),
        ((f"`{TYPE_PREFIX}{slug}`", str(status), text, to_do) for slug, status, text, to_do in rows),
    )


_BRANCHES = {errors.HelpdeskError, errors.InvalidInput, errors.NotFound, errors.Conflict, errors.Unavailable}
"""These only group others, or stand among the problems of the frame."""


def raised_errors() -> list[type[errors.HelpdeskError]]:
    """Return the error classes that a response may stand for, in the order of their definition."""
    classes = [item for item in vars(errors).values() if isinstance(item, type)]
    return [item for item in classes if issubclass(item, errors.HelpdeskError) and item not in _BRANCHES]


# HTTP


def http_api() -> str:
    """Return the endpoints of both services, with the roles that each admits."""
    return "\n".join(f"### {app.title}\n\n{app.description}\n\n{_endpoints(app)}" for app in _apps())


def _apps() -> Iterator[FastAPI]:
    from helpdesk.wiring import open_broker, open_encoder, open_knowledge, open_store
    from prediction_api.app import create_app as prediction_api
    from prediction_api.source import FixedSource
    from ticket_api.app import create_app as ticket_api

    with tempfile.TemporaryDirectory() as folder:
        local = Settings(state_dir=Path(folder), rabbitmq_url=None, database_url=None, chroma_url=None)
        with closing(open_store(local)) as store, closing(open_broker(local)) as broker:
            yield ticket_api(local, store=store, broker=broker, index=open_knowledge(local), encoder=open_encoder())
            yield prediction_api(local.prediction_api, source=FixedSource(_no_model), keys=StoredKeys(store))


def _no_model() -> NoReturn:
    raise ModelUnavailable("The reference needs none.")


def _endpoints(app: FastAPI) -> str:
    document = app.openapi()["paths"]
    rows = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.path in document and route.endpoint is not None:
            for method in sorted(route.methods or ()):
                statuses = ", ".join(sorted(document[route.path][method.lower()]["responses"]))
                roles, summary = _roles(route.original_route), _first_sentence(route.endpoint)
                rows.append((f"`{method} {route.path}`", roles, summary, statuses))
    return table(("endpoint", "roles", "what it does", "statuses"), rows)


def _roles(route: APIRoute) -> str:
    own: Sequence[Role] = getattr(route, "roles", ())
    if own:
        return ", ".join(own)
    waiting = [route.dependant]
    while waiting:
        present = waiting.pop()
        if isinstance(present.call, _Require):
            return ", ".join(present.call._roles) or "any key"
        waiting.extend(present.dependencies)
    return "no key needed"


# Fail-points

_PLACES: Mapping[str, str] = {
    "worker.before_work": "A batch is opened and its starts are counted; nothing has been predicted yet.",
    "worker.after_work_before_commit": "Decisions are made; nothing of them is committed.",
    "worker.after_commit_before_ack": "Outcome, reasons and outbox rows are committed; nothing is acknowledged.",
    "worker.after_write_before_commit": "A remote writer has written an answer; it is not committed.",
    "relay.after_publish_before_delete": "The broker has confirmed; the outbox rows are still there.",
    "intake.after_commit_before_reply": "The ticket is on disk; the client has no answer.",
    "knowledge.after_build_before_record": "A new version of the knowledge base is built in the index; nobody sees it.",
    "knowledge.after_record_before_swap": "The new version is recorded; searches still see the one before.",
}


def fail_points() -> str:
    """Return every fail-point."""
    return table(("name", "where the process ends"), ((f"`{name}`", _PLACES[name]) for name in failpoints.NAMES))


GENERATORS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "messages": messages,
    "metrics": metrics_table,
    "problems": problems,
    "http_api": http_api,
    "fail_points": fail_points,
}


def pages() -> list[Path]:
    """Return every page that holds a generated part."""
    return sorted(page for page in DOCS.rglob("*.md") if _BLOCK.search(page.read_text(encoding="utf-8")))


def fresh(page: Path) -> str:
    """Return the page with its generated parts as the code has them now."""

    def replace(block: re.Match[str]) -> str:
        return f"{block[1]}\n{GENERATORS[block[2]]()}\n{block[3]}"

    return _BLOCK.sub(replace, page.read_text(encoding="utf-8"))


def main(arguments: Sequence[str]) -> int:
    """Write what is stale, or with ``--check`` name it and return 1."""
    stale = [page for page in pages() if fresh(page) != page.read_text(encoding="utf-8")]
    for page in stale:
        sys.stdout.write(f"{page.relative_to(PROJECT_DIR)}\n")
        if "--check" not in arguments:
            page.write_text(fresh(page), encoding="utf-8")
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
