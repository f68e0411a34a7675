"""What a decision is about: everything that the customer wrote since the last answer."""

from helpdesk.tickets import Author, ConversationMessage, Ticket, answered_last_by, seen_at, unanswered
from models.preprocess import readable
from models.wording import MAX_EXCERPT_BYTES, excerpt, wording
from tests.factories import make_message, make_ticket

TICKET: Ticket = make_ticket(subject="My order")


def conversation(*texts: str, answered_after: int | None = None) -> list[ConversationMessage]:
    """Return the customer's messages, with an answer after that many."""
    written = [make_message(TICKET, text=text) for text in texts]
    if answered_after is not None:
        written.insert(answered_after, make_message(TICKET, text="An answer.", author=Author.AGENT))
    return written


def test_all_messages_since_the_last_answer_are_unanswered() -> None:
    talk = conversation("one", "two", "three", answered_after=1)
    assert [message.text for message in unanswered(talk)] == ["two", "three"]
    assert unanswered(talk[:2]) == []
    assert [message.text for message in unanswered(talk[:1])] == ["one"]


def test_the_subject_leads_until_somebody_has_answered() -> None:
    assert wording(TICKET, conversation("one", "two")) == "My order\none two"
    assert wording(TICKET, conversation("one", "two", answered_after=1)) == "two"
    assert excerpt(TICKET, conversation("one", "two", answered_after=1)) == "two"


def test_a_question_of_the_machine_answers_nothing_so_the_reply_is_read_with_what_led_to_it() -> None:
    question = make_message(TICKET, text="Which number?", author=Author.MACHINE, is_question=True)
    talk = [make_message(TICKET, text="Where is it?"), question, make_message(TICKET, text="TB-20418835", turn=2)]
    assert wording(TICKET, talk) == excerpt(TICKET, talk) == "My order\nWhere is it? TB-20418835"
    assert excerpt(TICKET, seen_at(talk, 2)) == "My order\nWhere is it? TB-20418835"
    assert answered_last_by(talk) is None


def test_quoted_mail_and_signatures_are_left_out_of_each_message() -> None:
    text = wording(TICKET, conversation("Where is it?\n\nKind regards\nAda", "On Monday Bo wrote:\n> my lawyer\nHi"))
    assert text == "My order\nWhere is it? Hi"


def test_a_message_that_only_says_thanks_does_not_hide_those_after_it_from_the_model() -> None:
    text = excerpt(TICKET, conversation("Hello", "Thanks", "How do I cancel?"))
    assert "How do I cancel?" in readable(text)


def test_models_get_the_newest_message_whole_and_the_wording_stays_complete() -> None:
    talk = conversation("first " + "a" * 10_000, "second " + "ü" * 3_000, "newest " + "c" * 9_000)
    text = excerpt(TICKET, talk)
    assert len(text.encode()) <= MAX_EXCERPT_BYTES + len("My order\n") + len(talk)
    assert text.endswith(talk[2].text)
    assert talk[1].text in text
    assert "first aaa" in text
    assert all(message.text in wording(TICKET, talk) for message in talk)


def test_a_message_that_fills_the_room_alone_is_not_cut() -> None:
    talk = conversation("first", "b" * (MAX_EXCERPT_BYTES + 5))
    assert excerpt(TICKET, talk) == f"My order\n{talk[1].text}"


def test_a_turn_is_seen_as_it_stood_before_its_answer() -> None:
    talk = [
        make_message(TICKET, text="one", turn=1),
        make_message(TICKET, text="An answer.", turn=1, author=Author.MACHINE),
        make_message(TICKET, text="two", turn=2),
        make_message(TICKET, text="three", turn=3),
        make_message(TICKET, text="A reply.", turn=3, author=Author.AGENT),
        make_message(TICKET, text="four", turn=4),
    ]
    seen = {turn: excerpt(TICKET, seen_at(talk, turn)) for turn in range(1, 6)}
    assert seen == {1: "My order\none", 2: "two", 3: "two three", 4: "four", 5: "four"}


def test_a_conversation_without_words_is_only_a_subject() -> None:
    assert wording(TICKET, []) == excerpt(TICKET, []) == "My order"
