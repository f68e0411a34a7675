"""The worker speaks with the brand's voice: greeting and sign-off around what was checked, and no forbidden word."""

from helpdesk.tickets import Status
from helpdesk.voice import Voice
from processor.answer_cache import AnswerCache
from tests.fakes import codes
from tests.shop import Shop

VOICE = Voice(salutation={"en": "Hello,"}, sign_off={"en": "Your Tarnbrook team"}, forbidden_words=("packed",))


def test_an_answer_is_greeted_and_signed_and_its_decision_names_the_voice(shop: Shop) -> None:
    shop.voice = VOICE.model_copy(update={"forbidden_words": ()})
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    assert shop.decided(ticket_id)[0].status is Status.ANSWERED
    with shop.store.reading() as tx:
        [answer], [decision] = tx.answers(ticket_id), tx.decisions(ticket_id)
        sent = tx.conversations([ticket_id])[ticket_id][-1]
    assert answer.text == sent.text == f"Hello,\n\n{shop.writer.text}\n\nYour Tarnbrook team"
    assert [citation.article_id for citation in answer.citations] == ["cancel-before-dispatch"]
    assert decision.versions["voice"] == shop.voice.version


def test_an_answer_with_a_forbidden_word_goes_to_a_person_as_it_was_written(shop: Shop) -> None:
    shop.voice = VOICE
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    assert shop.decided(ticket_id)[0].status is Status.QUEUED
    with shop.store.reading() as tx:
        [draft], [decision] = tx.answers(ticket_id), tx.decisions(ticket_id)
    assert codes(decision.reasons) == ["confident_and_grounded", "forbidden_word"]
    assert "“packed”" in decision.reasons[-1].text
    assert (draft.sent, draft.text) == (False, shop.writer.text)


def test_an_answer_that_is_given_again_is_framed_once_by_the_voice_of_today(remote_shop: Shop) -> None:
    remote_shop.cache = AnswerCache(remote_shop.store, writer_version="fake 0", keep_days=7)
    remote_shop.voice = VOICE.model_copy(update={"forbidden_words": ()})
    texts = []
    for _ in range(2):
        ticket_id = remote_shop.submit("How do I cancel my order?", subject="")
        if remote_shop._thread is None:
            remote_shop.start_worker()
        remote_shop.decided(ticket_id)
        with remote_shop.store.reading() as tx:
            texts += [answer.text for answer in tx.answers(ticket_id)]
    assert len(remote_shop.writer.tasks) == 1
    assert texts == [f"Hello,\n\n{remote_shop.writer.text}\n\nYour Tarnbrook team"] * 2
