"""What an answer rests on is measured strictly: against the articles that each part of it cites itself."""

from dataclasses import replace

import pytest

from evaluation.grounding import ground
from helpdesk.ports.knowledge import Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Citation
from tests.contract.writer_contract import INVOICE, RESET

PASSAGES = [Passage(article=article, similarity=0.7) for article in (RESET, INVOICE)]
QUOTE = "Invoices are kept for 10 years."


def cites(quote: str = QUOTE, article_id: str = INVOICE.article_id) -> Citation:
    return Citation(article_id=article_id, title="", quote=quote)


def answer(*blocks: tuple[str, tuple[Citation, ...]]) -> WrittenAnswer:
    return WrittenAnswer(
        blocks=tuple(AnswerBlock(text=text, citations=cited) for text, cited in blocks),
        sufficient=True,
        writer="test",
        prompt_version="",
    )


def test_a_quoted_sentence_is_grounded() -> None:
    found = ground(answer((QUOTE, (cites(),))), PASSAGES, "How long?")
    assert found.is_cited
    assert (found.citations, found.claims, found.unsupported, found.placeholder) == (1, 1, (), "")


def test_the_numbers_of_steps_are_no_claims() -> None:
    step = '1. Enter your e-mail address and select "Send link".'
    found = ground(answer((step, (cites(step, RESET.article_id),))), PASSAGES, "")
    assert (found.claims, found.unsupported) == (1, ())


def test_what_an_article_says_of_orders_in_general_is_no_promise_also_beside_a_link() -> None:
    text = "An order that has been dispatched can be corrected at https://www.shop.example/bills within 9 days."
    article = replace(INVOICE, body=text)
    passages = [Passage(article=article, similarity=0.7)]
    assert ground(answer((text, (cites(text),))), passages, "").unsupported == ()


def test_a_part_without_a_citation_is_named_and_a_courtesy_is_not() -> None:
    bare = "You can keep every invoice for ever."
    found = ground(answer((bare, ()), ("I hope this helps.", ()), (QUOTE, (cites(),))), PASSAGES, "")
    assert found.uncited == (bare,)
    assert not found.is_cited


@pytest.mark.parametrize(
    ("citation", "said"),
    [
        (cites(article_id="elsewhere"), "not given"),
        (cites("Invoices are kept for 11 years."), "does not stand"),
        (cites(""), "does not stand"),
        (cites("All other devices are signed out at once.", RESET.article_id), "for something else"),
    ],
)
def test_a_citation_that_does_not_hold_is_named(citation: Citation, said: str) -> None:
    found = ground(answer((QUOTE, (citation,))), PASSAGES, "")
    assert not found.is_cited
    assert said in found.wrong[0]


@pytest.mark.parametrize(
    ("claim", "lack"),
    [
        ("Invoices are kept for 12 years.", "figure 12"),
        ("Invoices are kept at https://evil.example for 10 years.", "link"),
        ("Invoices are sent to bill@evil.example for 10 years.", "address"),
        ("We have sent your invoices to you.", "promise"),
        ("Elephants trumpet through savannahs, invoices notwithstanding.", "content"),
        ("You choose a new password within 60 minutes.", "figure 60"),
    ],
)
def test_a_claim_that_its_own_citation_does_not_bear_out_is_unsupported(claim: str, lack: str) -> None:
    found = ground(answer((f"{QUOTE} {claim}", (cites(),))), PASSAGES, "")
    assert found.claims == 2
    [unsupported] = found.unsupported
    assert unsupported.startswith(lack)


def test_the_customers_own_order_number_may_be_repeated() -> None:
    text = "Invoices of order TB-20418835 are kept for 10 years."
    assert ground(answer((text, (cites(),))), PASSAGES, "About order TB-20418835").unsupported == ()
    assert ground(answer((text, (cites(),))), PASSAGES, "About my order").unsupported != ()


def test_an_open_placeholder_is_a_leak() -> None:
    assert ground(answer(("Invoices of {{name}} are kept.", (cites(),))), PASSAGES, "").placeholder == "{{name}}"
