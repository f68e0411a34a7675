"""What answers cost is recorded with the decision, and beyond the budget people answer."""

from prometheus_client import REGISTRY

from helpdesk.ports.writer import ModelCall
from helpdesk.tickets import Status
from tests.fakes import codes
from tests.shop import Shop

CALL = ModelCall(model="paid-model", usage={"input_tokens": 900, "output_tokens": 100}, cost_usd=0.04)


def tokens(kind: str) -> float:
    return REGISTRY.get_sample_value("helpdesk_writer_tokens_total", {"model": "paid-model", "kind": kind}) or 0.0


def test_tokens_and_cost_stand_in_the_decision_the_ledger_and_the_metrics(remote_shop: Shop) -> None:
    remote_shop.writer.calls = (CALL,)
    counted = tokens("input_tokens")
    ticket_id = remote_shop.submit("please cancel my order")
    remote_shop.start_worker()
    remote_shop.decided(ticket_id)
    with remote_shop.store.reading() as tx:
        [decision] = tx.decisions(ticket_id)
        assert (decision.usage, decision.cost_usd) == (CALL.usage, CALL.cost_usd)
        assert tx.spent_on(ticket_id) == CALL.cost_usd
    assert tokens("input_tokens") == counted + 900


def test_beyond_the_hours_budget_people_answer(remote_shop: Shop) -> None:
    remote_shop.writer.calls = (CALL,)
    remote_shop.hourly_budget_usd = 0.04
    paid = remote_shop.submit("please cancel my order")
    remote_shop.start_worker()
    remote_shop.decided(paid)
    late = remote_shop.submit("please cancel my other order")
    [ticket] = remote_shop.decided(late)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    assert len(remote_shop.writer.tasks) == 1
    with remote_shop.store.reading() as tx:
        assert codes(tx.decisions(late)[0].reasons) == ["confident_and_grounded", "budget_hour"]
        assert "0.04 USD" in tx.decisions(late)[0].reasons[-1].text


def test_a_ticket_that_has_cost_enough_goes_to_a_person(remote_shop: Shop) -> None:
    remote_shop.writer.calls = (CALL,)
    remote_shop.ticket_budget_usd = 0.03
    ticket_id = remote_shop.submit("please cancel my order")
    remote_shop.start_worker()
    remote_shop.decided(ticket_id)
    remote_shop.write_again(ticket_id, "and how do I cancel the other one?")
    [ticket] = remote_shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    with remote_shop.store.reading() as tx:
        assert tx.decisions(ticket_id)[1].reasons[-1].code == "budget_ticket"
