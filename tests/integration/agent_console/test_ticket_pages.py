"""Working on tickets over pages, without JavaScript: take, answer, give back, move; and nobody's text is lost."""

from dataclasses import replace

import pytest

from helpdesk.tickets import Author, Priority, Status
from tests.desk_browser import Browser, Console
from tests.factories import make_answer, make_citation, make_decision

TEXT = "Dear Ada,\n\nyour refund is on its way.  Größe & <b>Gewicht</b> bleiben."


def version(browser: Browser, ticket_id: str) -> str:
    return browser.hidden(f"/tickets/{ticket_id}", "version")


def test_the_next_ticket_is_the_most_urgent_of_ones_own_queues(console: Console) -> None:
    console.add_person("maria", queues=["REFUND", "ORDER"])
    console.shop.queued("INVOICE", priority=Priority.HIGH)
    old = console.shop.queued("REFUND")
    console.shop.wait(60)
    urgent = console.shop.queued("ORDER", priority=Priority.HIGH)
    browser = console.browser("maria")
    for ticket_id in (urgent, old):
        assert browser.post("/queues/take").headers["location"] == f"/tickets/{ticket_id}"
        assert console.ticket(ticket_id).claimed_by == "maria"
    assert browser.post("/queues/take").headers["location"] == "/queues"
    assert "Nothing waits in these queues" in browser.read("/queues")
    assert browser.post("/queues/take", {"queue": "INVOICE"}).headers["location"].startswith("/tickets/")


def test_nobody_takes_more_than_they_may_hold(console: Console) -> None:
    console.add_person("maria", capacity=1)
    for _ in range(2):
        console.shop.queued()
    browser = console.browser("maria")
    assert browser.post("/queues/take").headers["location"].startswith("/tickets/")
    assert browser.post("/queues/take").headers["location"] == "/queues"
    assert "holds 1 tickets and may hold 1" in browser.read("/queues")


def test_the_queues_show_what_waits_and_what_is_in_ones_hands(console: Console) -> None:
    console.shop.queued("REFUND", priority=Priority.HIGH)
    mine = console.shop.claimed("agent")
    page = console.browser("agent").read("/queues")
    assert f'href="/tickets/{mine}"' in page
    assert 'href="/queues/REFUND"' in page
    assert "1 of 10" in page
    assert "My parcel" in page
    fragment = console.browser("agent").get("/queues", **{"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert "All queues</h2>" in fragment.text


def test_a_ticket_shows_everything_on_one_screen(console: Console) -> None:
    ticket_id = console.shop.queued()
    with console.store.transaction() as tx:
        ticket = tx.ticket(ticket_id)
        tx.save([replace(ticket, version=ticket.version + 1, intent="get_refund", confidence=0.61, sentiment=-0.7)])
        tx.add_answers([make_answer(ticket, sent=False, text="The money is back in 5 days.")])
        labels = [{"label": "get_refund", "confidence": 0.61}, {"label": "track_refund", "confidence": 0.3}]
        tx.add_decisions([make_decision(ticket, prediction={"top_labels": labels})])
    page = console.browser("agent").read(f"/tickets/{ticket_id}")
    for shown in (
        "Where is my refund?",
        "No article fits.",
        "ada@example.org",
        "The money is back in 5 days.",
        "Two to four days.",
        "get refund, 61% sure",
        "track refund, 30%",
        "upset (-0.70)",
        "Take it",
    ):
        assert shown in page, shown


def test_an_answer_goes_out_once_exactly_as_it_was_typed(console: Console) -> None:
    ticket_id = console.shop.queued()
    browser = console.browser("agent")
    assert browser.post(f"/tickets/{ticket_id}/claim").headers["location"] == f"/tickets/{ticket_id}"
    fields = {"version": version(browser, ticket_id), "text": TEXT.replace("\n", "\r\n"), "resolve": "true"}
    assert browser.post(f"/tickets/{ticket_id}/reply", fields).headers["location"] == "/queues"
    assert console.ticket(ticket_id).status is Status.RESOLVED
    again = browser.post(f"/tickets/{ticket_id}/reply", fields)
    assert again.status_code == 409
    assert "bleiben." in again.text
    with console.store.reading() as tx:
        sent = [line.text for line in tx.conversations([ticket_id])[ticket_id] if line.author is Author.AGENT]
    assert sent == [TEXT]


def test_a_reply_to_what_is_no_longer_on_screen_is_refused_and_its_text_kept(console: Console) -> None:
    ticket_id = console.shop.claimed("agent")
    browser = console.browser("agent")
    seen = version(browser, ticket_id)
    console.shop.desk.add_customer_message(ticket_id, "It came!", owner=None, decide_within_s=60)
    stale = browser.post(f"/tickets/{ticket_id}/reply", {"version": seen, "text": TEXT, "resolve": "false"})
    assert stale.status_code == 409
    assert "has changed since you saw it" in stale.text
    assert "It came!" in stale.text
    assert "Größe &amp; &lt;b&gt;Gewicht&lt;/b&gt; bleiben." in stale.text
    assert console.ticket(ticket_id).status is Status.CLAIMED
    fields = {"version": version(browser, ticket_id), "text": TEXT, "resolve": "false"}
    assert browser.post(f"/tickets/{ticket_id}/reply", fields).status_code == 303
    assert console.ticket(ticket_id).status is Status.REPLIED


def test_of_two_agents_one_has_the_ticket_and_the_other_keeps_their_text(console: Console) -> None:
    ticket_id = console.shop.queued()
    first, second = console.browser("agent"), console.browser("lead")
    first.post(f"/tickets/{ticket_id}/claim")
    refused = second.post(f"/tickets/{ticket_id}/claim")
    assert refused.status_code == 409
    assert "agent has this ticket" in refused.text
    fields = {"version": version(first, ticket_id), "text": TEXT}
    stolen = second.post(f"/tickets/{ticket_id}/reply", fields)
    assert stolen.status_code == 409
    assert "bleiben." in stolen.text
    assert console.ticket(ticket_id).claimed_by == "agent"


@pytest.mark.parametrize("action", ["release", "transfer"])
def test_a_ticket_goes_back_or_on_with_a_note(console: Console, action: str) -> None:
    ticket_id = console.shop.claimed("agent")
    browser = console.browser("agent")
    fields = {"version": version(browser, ticket_id), "note": "Ask the bank.", "queue": "INVOICE"}
    if action == "release":
        del fields["queue"]
    stale = browser.post(f"/tickets/{ticket_id}/{action}", {**fields, "version": "1"})
    assert stale.status_code == 409
    assert "Ask the bank." in stale.text
    assert browser.post(f"/tickets/{ticket_id}/{action}", fields).status_code == 303
    ticket = console.ticket(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "REFUND" if action == "release" else "INVOICE")
    assert "Ask the bank." in browser.read(f"/tickets/{ticket_id}")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text": " \n"}, "is empty or blank"),
        ({"text": "a\x07b"}, "control character"),
        ({"text": "x" * 16_385}, "the limit is 16384"),
        ({"text": "fine", "version": "one"}, "integer"),
        ({"text": "fine", "resolve": "perhaps"}, "boolean"),
        ({"text": "fine", "more": "x"}, "more"),
    ],
)
def test_a_form_that_does_not_fit_says_why_and_keeps_the_text(
    console: Console, fields: dict[str, str], told: str
) -> None:
    ticket_id = console.shop.claimed("agent")
    browser = console.browser("agent")
    refused = browser.post(f"/tickets/{ticket_id}/reply", {"version": version(browser, ticket_id), **fields})
    assert refused.status_code == 422
    assert told in refused.text
    assert console.ticket(ticket_id).status is Status.CLAIMED


def test_a_form_beyond_the_bound_is_refused_before_it_is_read(console: Console) -> None:
    browser = console.browser("agent")
    refused = browser.post("/queues/take", {"queue": "x" * 1_100_000})
    assert refused.status_code == 413
    assert "the limit is 1048576" in refused.text


def test_the_draft_can_begin_the_answer(console: Console) -> None:
    ticket_id = console.shop.claimed("agent")
    with console.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ticket_id), sent=False, text="Draft of the machine.")])
    browser = console.browser("agent")
    assert "Draft of the machine.</textarea>" not in browser.read(f"/tickets/{ticket_id}")
    assert "Draft of the machine.</textarea>" in browser.read(f"/tickets/{ticket_id}?draft=1")


def test_the_list_of_tickets_goes_on_over_pages(console: Console) -> None:
    ids = set()
    for _ in range(55):
        console.shop.wait(1)
        ids.add(console.shop.submitted())
    browser = console.browser("agent")
    first = browser.read("/tickets?status=received")
    assert "Next page" in first
    more = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = browser.read(more)
    assert "First page" in second
    assert {ticket_id for ticket_id in ids if f"/tickets/{ticket_id}" in first + second} == ids
    assert browser.get("/tickets?status=unknown").status_code == 422
    assert "No ticket is like this" in browser.read("/tickets?status=failed")


def test_what_a_citation_links_to_is_a_page_and_never_a_script(console: Console) -> None:
    ticket_id = console.shop.claimed("agent")
    citations = (
        make_citation(title="Bad", url="javascript:alert(1)"),
        make_citation(title="Worse", url=" JavaScript:alert(1)"),
        make_citation(title="Data", url="data:text/html,x"),
        make_citation(title="Good", url="https://shop.example/refunds"),
    )
    with console.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ticket_id), sent=False, citations=citations)])
    page = console.browser("agent").read(f"/tickets/{ticket_id}")
    assert 'href="https://shop.example/refunds"' in page
    assert "cript:" not in page.lower().replace("javascript.", "")
    assert "data:text" not in page
