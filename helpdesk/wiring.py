"""The only place that names concrete classes: from settings to ports.

Imports stand inside the functions, so that a service loads only what it opens.
"""

import logging
import re
from functools import cache
from typing import TYPE_CHECKING, assert_never

from helpdesk.errors import InvalidSetting
from helpdesk.settings import Settings, WriterSettings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from helpdesk.desk import Desk
    from helpdesk.ports.broker import Broker
    from helpdesk.ports.encoder import Encoder
    from helpdesk.ports.judge import Judge
    from helpdesk.ports.knowledge import Knowledge
    from helpdesk.ports.predictor import Predictor
    from helpdesk.ports.store import Store
    from helpdesk.ports.writer import Writer
    from helpdesk.voice import Voice

log = logging.getLogger(__name__)


def open_store(settings: Settings) -> "Store":
    """Return PostgreSQL where ``DATABASE_URL`` is set, else SQLite."""
    from helpdesk.adapters.store_sql import SqlStore

    return SqlStore.open(settings)


def open_broker(settings: Settings) -> "Broker":
    """Return RabbitMQ where ``RABBITMQ_URL`` is set, else the embedded queue in the store's own file."""
    if settings.rabbitmq_url is not None and settings.rabbitmq_url.get_secret_value():
        from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker

        return RabbitMqBroker(settings.rabbitmq_url.get_secret_value(), settings.broker)
    if warning := split_queue_warning(settings):
        log.warning("the queue is this machine's alone", extra={"why": warning})
    from helpdesk.adapters.broker_embedded import EmbeddedBroker

    return EmbeddedBroker(settings.state_dir / "helpdesk.db", settings.broker)


def split_queue_warning(settings: Settings) -> str:
    """Return what to know where machines share the database but not the queue; empty where that cannot be."""
    url = settings.database_url.get_secret_value() if settings.database_url is not None else ""
    has_rabbitmq = settings.rabbitmq_url is not None and settings.rabbitmq_url.get_secret_value()
    if not url or url.startswith("sqlite") or has_rabbitmq:
        return ""
    return (
        "DATABASE_URL names a server, but RABBITMQ_URL is not set: every machine has an embedded queue of its own, so "
        "run Helpdesk on one machine only, or set RABBITMQ_URL"
    )


def open_predictor(settings: Settings) -> "Predictor":
    """Return the client of the prediction service."""
    from helpdesk.adapters.predictor_http import HttpPredictor

    service = settings.prediction_api
    url = service.url or f"http://{service.host}:{service.port}"
    key = service.api_key.get_secret_value() if service.api_key is not None else ""
    return HttpPredictor(url, api_key=key, timeout_s=service.timeout_s)


def open_knowledge(settings: Settings) -> "Knowledge":
    """Return the Chroma server where ``CHROMA_URL`` is set, else the local index."""
    from helpdesk.adapters.knowledge_chroma import ChromaKnowledge

    if settings.chroma_url is not None and settings.chroma_url.get_secret_value():
        token_dir = settings.state_dir / "knowledge" / "tokens"
        return ChromaKnowledge(_encoder(), url=settings.chroma_url.get_secret_value(), token_dir=token_dir)
    return ChromaKnowledge(_encoder(), path=settings.state_dir / "knowledge")


def open_voice(settings: Settings) -> "Voice":
    """Return how the shop sounds, from its brand file.

    Raises:
        InvalidData: the brand file does not fit; names the field.
    """
    from helpdesk.knowledge.brand import Brand

    return Brand.in_force(settings.knowledge).voice


def open_writer(settings: Settings) -> "Writer":
    """Return the writer that the settings name; by default Claude where there is a key, else the extractive writer.

    Raises:
        InvalidSetting: the provider lacks its key or the name of its model.
        InvalidData: the brand file does not fit.
    """
    match settings.writer_provider:
        case "claude":
            from helpdesk.adapters.writer_claude import ClaudeWriter

            if not (key := _secret(settings.anthropic_api_key)):
                raise InvalidSetting("is not set", field="ANTHROPIC_API_KEY", remedy="the provider `claude` needs it")
            return ClaudeWriter(key, settings.writer, voice=open_voice(settings))
        case "openai":
            from helpdesk.adapters.writer_openai import OpenAiWriter

            if settings.writer.model == WriterSettings().model:
                remedy = "the provider `openai` needs the name of a model that its server has"
                raise InvalidSetting(f"is {settings.writer.model}", field="HELPDESK_WRITER__MODEL", remedy=remedy)
            return OpenAiWriter(_secret(settings.openai_api_key), settings.writer, voice=open_voice(settings))
        case "extractive":
            from helpdesk.adapters.writer_extractive import ExtractiveWriter

            return ExtractiveWriter(_encoder())
        case never:
            assert_never(never)


def open_judge(settings: Settings) -> "Judge":
    """Return the judge that the settings name; by default Claude where there is a key, else the similarity judge.

    Raises:
        InvalidSetting: Claude lacks its key, or its model is one that writes the answers.
    """
    key = _secret(settings.anthropic_api_key)
    if settings.judge.provider == "similarity" or (settings.judge.provider == "auto" and not key):
        from helpdesk.adapters.judge_similarity import SimilarityJudge

        return SimilarityJudge(_encoder())
    if not key:
        raise InvalidSetting("is not set", field="ANTHROPIC_API_KEY", remedy="the judge `claude` needs it")
    if _undated(settings.judge.model) in map(_undated, writing_models(settings)):
        raise InvalidSetting(
            f"is {settings.judge.model}, which writes the answers too",
            field="HELPDESK_JUDGE__MODEL",
            remedy="name another model: none judges its own work fairly",
        )
    from helpdesk.adapters.judge_claude import ClaudeJudge
    from helpdesk.adapters.writer_prices import load_prices

    return ClaudeJudge(key, settings.judge, price=load_prices(settings.writer.prices_file).get(settings.judge.model))


def writing_models(settings: Settings) -> frozenset[str]:
    """Return the models that may write an answer under these settings; none where no model does."""
    if settings.writer_provider == "extractive":
        return frozenset()
    stronger = settings.writer.stronger_model
    if stronger is None and settings.writer_provider == "claude":
        from helpdesk.adapters.writer_claude import STRONGER

        stronger = STRONGER
    return frozenset({settings.writer.model, stronger or settings.writer.model})


def _undated(model: str) -> str:
    """Return a model's name without the date of its snapshot."""
    return re.sub(r"-\d{8}$", "", model)


def _secret(setting: "SecretStr | None") -> str:
    return "" if setting is None else setting.get_secret_value()


@cache
def _encoder() -> "Encoder":
    """Return the process's encoder: a text that search and writer both ask about is encoded once."""
    from helpdesk.adapters.encoder_minilm import MiniLmEncoder

    return MiniLmEncoder()


def open_encoder() -> "Encoder":
    """Return the process's encoder; it is loaded by the first text."""
    return _encoder()


def open_desk(settings: Settings, store: "Store", broker: "Broker") -> "Desk":
    """Return the desk over an open store and broker."""
    from helpdesk.desk import Desk

    return Desk(store, broker, claim_lease_s=settings.ticket_api.claim_lease_s)
