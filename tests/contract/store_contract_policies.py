"""The store contract: versions of the policy."""

import threading
from datetime import timedelta

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import PolicyVersionNotFound, VersionConflict
from helpdesk.ports.policies import PolicyAction, PolicyVersion
from tests.contract.store_fixtures import StoreFixtures
from tests.factories import NOON


def make_policy_version(number: int, **fields: object) -> PolicyVersion:
    values = {
        "number": number,
        "body": f"version: {number}  # größer ✓\n",
        "checksum": f"{number:064x}",
        "action": PolicyAction.APPLY,
        "by": "anna",
        "source": "/etc/policy.yaml",
        "reason": "spring",
        "at": NOON + timedelta(minutes=number),
    }
    return PolicyVersion(**(values | fields))  # type: ignore[arg-type]


class PoliciesContract(StoreFixtures):
    def test_a_policy_version_comes_back_as_it_was_stored(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            assert (tx.policy_versions(limit=5), tx.newest_policy_number()) == ([], 0)
            for number in (7, 8, 9):
                tx.add_policy_version(make_policy_version(number))
        with store.reading() as tx:
            assert tx.policy_versions(limit=2) == [make_policy_version(9), make_policy_version(8)]
            assert tx.policy_version(7) == make_policy_version(7)
            assert tx.newest_policy_number() == 9

    def test_versions_of_one_content_are_found_by_its_checksum(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            for number, checksum in ((1, "a"), (2, "b"), (3, "a")):
                tx.add_policy_version(make_policy_version(number, checksum=checksum))
            assert (tx.policies_of("a"), tx.policies_of("c")) == ([1, 3], [])

    def test_an_unknown_policy_number_says_where_to_look(self, store: SqlStore) -> None:
        for number in (-1, 0, 4, 2**31, 2**70):
            with store.reading() as tx, pytest.raises(PolicyVersionNotFound, match="policy history"):
                tx.policy_version(number)

    def test_of_two_who_want_one_policy_number_the_second_stores_nothing(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_policy_version(make_policy_version(1))
        with pytest.raises(VersionConflict, match="version 1"), store.transaction() as tx:
            tx.add_policy_version(make_policy_version(1, body="other"))
        with store.reading() as tx:
            assert tx.policy_version(1) == make_policy_version(1)

    def test_of_many_who_append_at_once_each_number_is_given_once(self, store: SqlStore) -> None:
        conflicts: list[VersionConflict] = []

        def append() -> None:
            for _ in range(5):
                try:
                    with store.transaction() as tx:
                        tx.add_policy_version(make_policy_version(tx.newest_policy_number() + 1))
                except VersionConflict as error:
                    conflicts.append(error)

        threads = [threading.Thread(target=append) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.reading() as tx:
            numbers = [version.number for version in tx.policy_versions(limit=100)]
        assert len(numbers) + len(conflicts) == 20
        assert numbers == list(range(len(numbers), 0, -1))
