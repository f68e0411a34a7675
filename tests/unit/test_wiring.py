"""The wiring: which parts the settings choose, and what they share."""

from contextlib import closing
from pathlib import Path

import pytest

from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.writer_claude import ClaudeWriter
from helpdesk.adapters.writer_extractive import ExtractiveWriter
from helpdesk.adapters.writer_openai import OpenAiWriter
from helpdesk.errors import BrokerMisconfigured, InvalidSetting
from helpdesk.settings import Settings, WriterSettings, setting_names
from helpdesk.wiring import open_broker, open_knowledge, open_writer


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    return Settings(state_dir=tmp_path)


def test_knowledge_and_writer_share_one_encoder_and_its_memory_of_vectors(settings: Settings) -> None:
    with closing(open_knowledge(settings)) as knowledge, closing(open_writer(settings)) as writer:
        assert isinstance(knowledge, ChromaKnowledge)
        assert isinstance(writer, ExtractiveWriter)
        assert knowledge._encoder is writer._encoder


def test_an_openai_compatible_server_needs_a_model_and_no_key(settings: Settings) -> None:
    local = {"provider": "openai", "base_url": "http://127.0.0.1:11434/v1"}
    with pytest.raises(InvalidSetting, match="HELPDESK_WRITER__MODEL"):
        open_writer(settings.model_copy(update={"writer": WriterSettings.model_validate(local)}))
    named = WriterSettings.model_validate({**local, "model": "llama-4-8b"})
    with closing(open_writer(settings.model_copy(update={"writer": named}))) as writer:
        assert isinstance(writer, OpenAiWriter)


def test_claude_without_a_key_is_a_setting_that_is_missing(settings: Settings) -> None:
    with pytest.raises(InvalidSetting, match="ANTHROPIC_API_KEY"):
        open_writer(settings.model_copy(update={"writer": WriterSettings(provider="claude")}))


@pytest.mark.parametrize(("key", "kind"), [("", ExtractiveWriter), ("sk-1", ClaudeWriter)])
def test_an_empty_key_means_extractive_answers(settings: Settings, key: str, kind: type) -> None:
    with closing(open_writer(Settings(state_dir=settings.state_dir, ANTHROPIC_API_KEY=key))) as writer:
        assert isinstance(writer, kind)


def test_a_service_with_a_shared_database_and_a_queue_of_its_own_says_so(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    shared = Settings.model_validate({"state_dir": settings.state_dir, "DATABASE_URL": "postgresql://db/helpdesk"})
    for configured in (settings, shared):
        open_broker(configured).close()
    (record,) = [record for record in caplog.records if record.name == "helpdesk.wiring"]
    assert "set RABBITMQ_URL" in record.__dict__["why"]


@pytest.mark.parametrize("url", ["amqp://user:secret/x@host/", "amqps://user:secret/x@host:5671/", "secret@host"])
def test_a_broker_url_that_cannot_be_read_is_told_without_its_password(settings: Settings, url: str) -> None:
    with pytest.raises(BrokerMisconfigured, match="RABBITMQ_URL") as refused:
        open_broker(Settings.model_validate({"state_dir": settings.state_dir, "RABBITMQ_URL": url}))
    assert "secret" not in str(refused.value)
