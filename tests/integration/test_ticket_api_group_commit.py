"""Group commit: one bad submission does not harm its neighbours, and two processes agree on every idempotency key."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import IdempotencyConflict, StoreUnavailable
from helpdesk.ports.store import Submission
from helpdesk.settings import StoreSettings
from tests.factories import make_idempotency, make_submission
from ticket_api.group_commit import MAX_BATCH, Accepted, GroupCommit, commit


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'helpdesk.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with closing(SqlStore(url, StoreSettings())) as store:
        store.migrate()
        yield store


def with_key(key: str, *, body: str = "body") -> Submission:
    submission = make_submission()
    return replace(submission, idempotency=make_idempotency(submission.ticket, key=key, body=body))


def stored(store: SqlStore, submissions: Sequence[Submission]) -> set[str]:
    with store.reading() as tx:
        return set(tx.tickets([submission.ticket.ticket_id for submission in submissions]))


def test_a_batch_is_stored_whole(store: SqlStore) -> None:
    batch = [make_submission() for _ in range(MAX_BATCH)]
    outcomes = commit(store, batch)
    assert outcomes == [Accepted(submission.ticket.ticket_id, replayed=False) for submission in batch]
    assert stored(store, batch) == {submission.ticket.ticket_id for submission in batch}


def test_within_a_batch_the_first_of_a_key_wins_and_the_others_are_told(store: SqlStore) -> None:
    key = make_submission().ticket.ticket_id
    first, same, other = with_key(key), with_key(key), with_key(key, body="another")
    alone = make_submission()
    outcomes = commit(store, [first, same, other, alone])
    won = first.ticket.ticket_id
    assert outcomes[0] == Accepted(won, replayed=False)
    assert outcomes[1] == Accepted(won, replayed=True)
    assert isinstance(outcomes[2], IdempotencyConflict)
    assert outcomes[3] == Accepted(alone.ticket.ticket_id, replayed=False)
    assert stored(store, [first, same, other, alone]) == {won, alone.ticket.ticket_id}


def test_a_key_that_another_process_stored_after_we_had_looked_is_looked_up_again(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_submission().ticket.ticket_id
    theirs, ours, neighbour = with_key(key), with_key(key), make_submission()
    assert commit(store, [theirs]) == [Accepted(theirs.ticket.ticket_id, replayed=False)]
    blind_looks = 1
    opened = store.transaction

    @contextmanager
    def too_early() -> Iterator[Any]:
        """Open a transaction whose first look at the keys is that of before the other's commit."""
        nonlocal blind_looks
        with opened() as tx:
            if blind_looks:
                blind_looks -= 1
                monkeypatch.setattr(tx, "idempotency_records", lambda _: {})
            yield tx

    monkeypatch.setattr(store, "transaction", too_early)
    outcomes = commit(store, [ours, neighbour])
    assert outcomes == [
        Accepted(theirs.ticket.ticket_id, replayed=True),
        Accepted(neighbour.ticket.ticket_id, replayed=False),
    ]


def test_a_submission_that_cannot_be_stored_fails_alone(store: SqlStore) -> None:
    good, bad, also_good = make_submission(), make_submission(metadata={"x": object()}), make_submission()
    outcomes = commit(store, [good, bad, also_good])
    assert outcomes[0] == Accepted(good.ticket.ticket_id, replayed=False)
    assert isinstance(outcomes[1], TypeError)
    assert outcomes[2] == Accepted(also_good.ticket.ticket_id, replayed=False)
    assert stored(store, [good, bad, also_good]) == {good.ticket.ticket_id, also_good.ticket.ticket_id}


def test_two_processes_that_race_for_the_same_keys_agree_on_who_won(store: SqlStore, url: str) -> None:
    keys = [make_submission().ticket.ticket_id for _ in range(20)]
    with closing(SqlStore(url, StoreSettings())) as other, ThreadPoolExecutor(4) as threads:
        batches = [
            [with_key(key) for key in (keys if number % 2 else reversed(keys))] + [make_submission()]
            for number in range(4)
        ]
        results = list(threads.map(lambda job: commit(*job), zip([store, other] * 2, batches, strict=True)))
    winners: dict[str, set[str]] = {}
    for batch, outcomes in zip(batches, results, strict=True):
        for submission, outcome in zip(batch, outcomes, strict=True):
            assert isinstance(outcome, Accepted), outcome
            if submission.idempotency is not None:
                winners.setdefault(submission.idempotency.key, set()).add(outcome.ticket_id)
    assert {key: len(tickets) for key, tickets in winners.items()} == dict.fromkeys(keys, 1)
    everything = [submission for batch in batches for submission in batch]
    assert len(stored(store, everything)) == len(keys) + 4


def test_waiting_requests_share_a_transaction_and_each_gets_its_own_answer(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, transactions = store.transaction, []

    @contextmanager
    def counted() -> Iterator[Any]:
        transactions.append(1)
        with opened() as tx:
            yield tx

    monkeypatch.setattr(store, "transaction", counted)
    batch = [make_submission() for _ in range(100)]

    async def submit_all() -> list[Accepted]:
        intake = GroupCommit(store)
        intake.start()
        try:
            return await asyncio.gather(*(intake.submit(submission) for submission in batch))
        finally:
            await asyncio.to_thread(intake.close)

    accepted = asyncio.run(submit_all())
    assert [one.ticket_id for one in accepted] == [submission.ticket.ticket_id for submission in batch]
    assert len(transactions) < 20


def test_closing_commits_what_still_waits(store: SqlStore) -> None:
    batch = [make_submission() for _ in range(10)]

    async def submit_and_close() -> list[Accepted | BaseException]:
        intake = GroupCommit(store)
        intake.start()
        waiting = asyncio.gather(*(intake.submit(submission) for submission in batch), return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.to_thread(intake.close)
        return await waiting

    assert all(isinstance(outcome, Accepted) for outcome in asyncio.run(submit_and_close()))
    assert len(stored(store, batch)) == 10


def test_a_request_whose_client_went_away_is_stored_and_harms_nobody(store: SqlStore) -> None:
    gone, stays = make_submission(), make_submission()

    async def one_gives_up() -> Accepted:
        intake = GroupCommit(store)
        intake.start()
        try:
            abandoned = asyncio.ensure_future(intake.submit(gone))
            await asyncio.sleep(0)
            abandoned.cancel()
            return await intake.submit(stays)
        finally:
            await asyncio.to_thread(intake.close)

    assert asyncio.run(one_gives_up()).ticket_id == stays.ticket.ticket_id
    assert len(stored(store, [gone, stays])) == 2


def test_while_the_store_is_away_everybody_is_told_and_afterwards_it_goes_on(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, away = store.transaction, True

    @contextmanager
    def sometimes() -> Iterator[Any]:
        if away:
            raise StoreUnavailable("down")
        with opened() as tx:
            yield tx

    monkeypatch.setattr(store, "transaction", sometimes)

    async def through_an_outage() -> None:
        nonlocal away
        intake = GroupCommit(store)
        intake.start()
        try:
            told = await asyncio.gather(*(intake.submit(make_submission()) for _ in range(5)), return_exceptions=True)
            assert [type(error) for error in told] == [StoreUnavailable] * 5
            away = False
            assert not (await intake.submit(make_submission())).replayed
        finally:
            await asyncio.to_thread(intake.close)

    asyncio.run(through_an_outage())
