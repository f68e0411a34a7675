"""What every writer behind an API promises whatever its server answers, as tests that each adapter's suite inherits."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.adapters.circuit_breaker import CircuitBreaker
from helpdesk.adapters.writer_prompt import INSUFFICIENT
from helpdesk.adapters.writer_remote import RemoteWriter
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.writer import Writer
from helpdesk.settings import WriterSettings
from helpdesk.tickets import Author
from helpdesk.voice import Voice
from tests.contract.writer_contract import WriterContract, customer_wrote, make_task
from tests.messages_api_server import Reply, ScriptedServer
from tests.personal_values import cards, ibans, phones

KEY = "sk-secret-of-the-test"
TASK = make_task("How do I reset my password?")

NO_REPLIES = {
    "HTML with status 200": Reply(body=b"<html>Bad gateway</html>", content_type="text/html"),
    "JSON that is no reply": Reply(body=b'{"hello": "world"}'),
    "a list": Reply(body=b"[]"),
    "broken JSON": Reply(body=b'{"id": "msg'),
    "no body": Reply(),
    "503 in HTML": Reply(status=503, body=b"<html>", content_type="text/html"),
}


class RemoteWriterContract(WriterContract):
    """Inherit, and say which server, which writer, and how the server answers and refuses."""

    server: ClassVar[type[ScriptedServer]]
    says: ClassVar[Callable[..., Reply]]
    """Return a reply with a text, and with what is said of how it is sent."""
    refuses: ClassVar[Callable[..., Reply]]
    """Return an error in the API's own form: status, kind, headers."""

    def opened(
        self, settings: WriterSettings, breaker: CircuitBreaker | None = None, voice: Voice | None = None
    ) -> RemoteWriter:
        raise NotImplementedError

    @pytest.fixture
    def api(self) -> Iterator[ScriptedServer]:
        with self.server() as server:
            yield server

    @pytest.fixture
    def writer(self, api: ScriptedServer) -> Iterator[Writer]:
        with closing(self.opened(self.settings(api))) as writer:
            yield writer

    @staticmethod
    def settings(api: ScriptedServer, *, timeout_s: float = 2.0, deadline_s: float = 5.0) -> WriterSettings:
        return WriterSettings(base_url=api.url, model="test-model-1", timeout_s=timeout_s, deadline_s=deadline_s)

    def failure(self, name: str) -> Reply:
        """Return a failure that may be over by the next attempt."""
        match name:
            case "500" | "529":
                return self.refuses(int(name), "api_error")
            case "429":
                return self.refuses(429, "rate_limit_error", retry_after="0")
            case "connection cut":
                return self.says("x" * 500, cut=100)
            case "connection cut at once":
                return self.says("x" * 500, cut=0)
            case _:
                return NO_REPLIES[name]

    FAILURES: ClassVar = ["500", "529", "429", "connection cut", "connection cut at once", *NO_REPLIES]

    @pytest.mark.parametrize("name", FAILURES)
    def test_a_passing_failure_is_tried_again_once(self, writer: Writer, api: ScriptedServer, name: str) -> None:
        api.script.append(self.failure(name))
        assert writer.write(TASK).sufficient
        assert len(api.requests) == 2

    @pytest.mark.parametrize("name", FAILURES)
    def test_a_lasting_failure_is_given_up_after_two_calls(
        self, writer: Writer, api: ScriptedServer, name: str
    ) -> None:
        api.script.extend([self.failure(name)] * 2)
        with pytest.raises(WriterUnavailable):
            writer.write(TASK)
        assert len(api.requests) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
    def test_a_call_that_is_wrong_is_not_repeated(self, writer: Writer, api: ScriptedServer, status: int) -> None:
        api.script.append(self.refuses(status, "invalid_request_error"))
        with pytest.raises(WriterUnavailable, match=str(status)):
            writer.write(TASK)
        assert len(api.requests) == 1

    def test_the_server_may_forbid_a_retry(self, writer: Writer, api: ScriptedServer) -> None:
        api.script.append(self.refuses(500, "api_error", x_should_retry="false"))
        with pytest.raises(WriterUnavailable):
            writer.write(TASK)
        assert len(api.requests) == 1

    def test_retry_after_is_honoured(self, writer: Writer, api: ScriptedServer) -> None:
        api.script.append(self.refuses(429, "rate_limit_error", retry_after="1"))
        assert writer.write(TASK).sufficient
        assert api.times[1] - api.times[0] >= 1.0

    def test_a_retry_after_beyond_the_deadline_is_not_waited_for(self, writer: Writer, api: ScriptedServer) -> None:
        api.script.append(self.refuses(429, "rate_limit_error", retry_after="60"))
        started = time.monotonic()
        with pytest.raises(WriterUnavailable, match="429"):
            writer.write(TASK)
        assert time.monotonic() - started < 5
        assert len(api.requests) == 1

    @pytest.mark.parametrize("how", ["silent", "dripping"])
    def test_a_slow_server_is_given_up_at_the_deadline(self, api: ScriptedServer, how: str) -> None:
        silent, dripping = self.says("Late.", before_s=5.0), self.says("x" * 400, pieces=40, between_s=0.2)
        api.script.extend([silent if how == "silent" else dripping] * 2)
        with closing(self.opened(self.settings(api, timeout_s=0.5, deadline_s=1.5))) as writer:
            started = time.monotonic()
            with pytest.raises(WriterUnavailable):
                writer.write(TASK)
            assert time.monotonic() - started < 4

    def test_nobody_listening_is_unavailable(self) -> None:
        with self.server() as gone:
            nowhere = self.settings(gone)
        with closing(self.opened(nowhere)) as writer, pytest.raises(WriterUnavailable, match="reached"):
            writer.write(TASK)

    def test_neither_ticket_nor_key_is_logged_even_when_everything_else_is(
        self, api: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        api.script.extend([self.refuses(500, "api_error"), api.by_itself, self.refuses(400, "invalid_request_error")])
        task = make_task("My secret pet is called Zanzibar, my mail ada@byron.example. How do I reset my password?")
        with closing(self.opened(self.settings(api))) as writer:
            writer.write(task)
            with pytest.raises(WriterUnavailable) as failure:
                writer.write(task)
        assert "the model is asked again" in caplog.text
        for secret in ("Zanzibar", "byron", KEY):
            assert secret not in caplog.text
            assert secret not in str(failure.value)

    def test_no_personal_data_leaves_wherever_in_the_ticket_it_stands(
        self, writer: Writer, api: ScriptedServer
    ) -> None:
        @given(value=st.one_of(cards, ibans, phones, st.emails()), place=st.integers(0, 3))
        @settings(max_examples=30, deadline=None, database=None)
        def sent(value: str, place: int) -> None:
            places = ["How do I reset it?", "my password", "Which one?", "the one of today"]
            places[place] += f"\nIt is {value} and thanks"
            subject, *texts = places
            authors = (Author.CUSTOMER, Author.AGENT, Author.CUSTOMER)
            messages = [
                replace(message, author=author) for message, author in zip(customer_wrote(*texts), authors, strict=True)
            ]
            writer.write(replace(TASK, subject=subject, conversation=messages))
            received = json.dumps(api.requests[-1], ensure_ascii=False)
            for part in (value, *re.findall(r"\w{5,}", value)):
                assert part not in received.replace("password", "")

        sent()

    def test_hidden_characters_do_not_save_personal_data_from_being_found(
        self, writer: Writer, api: ScriptedServer
    ) -> None:
        writer.write(make_task("My card is 4111\u200b 1111 11\u206011 1111, my mail ada\u200b.byron@mail.example"))
        received = json.dumps(api.requests[-1], ensure_ascii=False)
        assert "1111" not in received
        assert "byron" not in received
        assert "[CARD_1], my mail [EMAIL_1]" in received

    def test_tokens_in_the_answer_become_what_they_stand_for(self, writer: Writer, api: ScriptedServer) -> None:
        api.script.append(self.says("Enter [EMAIL_1], not [EMAIL_2]."))
        task = make_task("How do I reset my password? I am ada@mail.example")
        assert writer.write(task).text == "Enter ada@mail.example, not [EMAIL_2]."

    def test_the_shops_voice_is_part_of_the_instructions_and_of_their_version(self, api: ScriptedServer) -> None:
        voice = Voice(name="Tarnbrook", tone="Dry as a biscuit.", forbidden_words=("cheap*",))
        versions = set()
        for spoken in (None, voice, voice.model_copy(update={"tone": "Warm."})):
            with closing(self.opened(self.settings(api), voice=spoken)) as writer:
                versions |= {writer.version, writer.write(TASK).prompt_version}
        plain, told, _ = (json.dumps(request, ensure_ascii=False) for request in api.requests)
        assert len(versions) == 6
        for words in ("Dry as a biscuit.", "“cheap*”", "shop “Tarnbrook”"):
            assert words in told
            assert words not in plain

    def test_a_question_that_was_asked_back_is_told_from_an_answer(self, writer: Writer, api: ScriptedServer) -> None:
        asked, question, reply = customer_wrote("How do I reset it?", "Which password?", "My account's")
        talk = [asked, replace(question, author=Author.MACHINE, is_question=True), reply]
        writer.write(replace(TASK, conversation=talk))
        received = json.dumps(api.requests[-1], ensure_ascii=False).replace('\\"', '"')
        assert '<message from="machine" kind="question">Which password?</message>' in received

    INSUFFICIENT_THOUGH = replace(TASK, evidence=0.97)

    def escalating(self, api: ScriptedServer, **limits: float) -> RemoteWriter:
        settings = self.settings(api, **limits).model_copy(update={"stronger_model": "test-model-9"})
        return self.opened(settings)

    def test_where_the_evidence_is_good_a_stronger_model_is_asked(self, api: ScriptedServer) -> None:
        api.script.append(self.says(INSUFFICIENT))
        with closing(self.escalating(api)) as writer:
            answer = writer.write(self.INSUFFICIENT_THOUGH)
        assert answer.sufficient
        assert answer.writer == "test-model-9"
        assert [request["model"] for request in api.requests] == ["test-model-1", "test-model-9"]
        assert [call.model for call in answer.calls] == ["test-model-1", "test-model-9"]
        assert answer.usage["input_tokens"] == 1800

    @pytest.mark.parametrize("evidence", [0.0, 0.5])
    def test_where_the_evidence_is_thin_the_first_word_counts(self, api: ScriptedServer, evidence: float) -> None:
        api.script.append(self.says(INSUFFICIENT))
        with closing(self.escalating(api)) as writer:
            assert not writer.write(replace(TASK, evidence=evidence)).sufficient
        assert len(api.requests) == 1

    def test_a_stronger_model_that_fails_leaves_the_first_ones_word_and_its_cost(self, api: ScriptedServer) -> None:
        api.script.extend([self.says(INSUFFICIENT), self.refuses(404, "not_found_error")])
        with closing(self.escalating(api)) as writer:
            answer = writer.write(self.INSUFFICIENT_THOUGH)
        assert not answer.sufficient
        assert answer.writer == "test-model-1"
        assert answer.usage["input_tokens"] == 900

    def test_both_models_share_one_deadline(self, api: ScriptedServer) -> None:
        slow = self.says("Late.", before_s=9.0)
        api.script.extend([self.says(INSUFFICIENT, before_s=1.0), slow, slow])
        with closing(self.escalating(api, timeout_s=8.0, deadline_s=4.0)) as writer:
            started = time.monotonic()
            assert not writer.write(self.INSUFFICIENT_THOUGH).sufficient
            assert time.monotonic() - started < 5.5

    def test_with_no_time_left_no_stronger_model_is_asked(self, api: ScriptedServer) -> None:
        api.script.append(self.says(INSUFFICIENT, before_s=0.6))
        with closing(self.escalating(api, timeout_s=2.0, deadline_s=2.5)) as writer:
            assert not writer.write(self.INSUFFICIENT_THOUGH).sufficient
        assert len(api.requests) == 1

    def test_the_key_is_sent_to_the_api(self, writer: Writer, api: ScriptedServer) -> None:
        writer.write(TASK)
        assert sum(KEY in value for value in api.headers[0].values()) == 1

    def test_while_it_keeps_failing_it_is_left_alone_and_then_tried_again(self, api: ScriptedServer) -> None:
        now = [0.0]
        breaker = CircuitBreaker(failures=2, pause_s=30.0, monotonic=lambda: now[0])
        with closing(self.opened(self.settings(api), breaker)) as writer:
            api.script.extend([self.refuses(401, "authentication_error")] * 2)
            for _ in range(3):
                with pytest.raises(WriterUnavailable):
                    writer.write(TASK)
            assert len(api.requests) == 2
            now[0] = 31.0
            assert writer.write(TASK).sufficient

    @pytest.mark.parametrize("status", [400, 404, 413, 422])
    def test_a_request_that_is_refused_does_not_keep_others_from_asking(self, api: ScriptedServer, status: int) -> None:
        with closing(self.opened(self.settings(api), CircuitBreaker(failures=2, pause_s=30.0))) as writer:
            api.script.extend([self.refuses(status, "invalid_request_error")] * 4)
            for _ in range(4):
                with pytest.raises(WriterUnavailable, match=str(status)):
                    writer.write(TASK)
            assert writer.write(TASK).sufficient

    @pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 529])
    def test_a_failure_that_others_would_share_leaves_the_model_alone(self, api: ScriptedServer, status: int) -> None:
        with closing(self.opened(self.settings(api), CircuitBreaker(failures=2, pause_s=30.0))) as writer:
            api.script.extend([self.refuses(status, "api_error", x_should_retry="false")] * 2)
            for _ in range(2):
                with pytest.raises(WriterUnavailable, match=str(status)):
                    writer.write(TASK)
            with pytest.raises(WriterUnavailable, match="left alone"):
                writer.write(TASK)
