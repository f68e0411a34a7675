"""Shops on the embedded queue and on both brokers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.settings import BrokerSettings, StoreSettings
from tests.desk_shop import BrokerAgent, DeskShop
from tests.rabbitmq import Brokers


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'helpdesk.db'}", StoreSettings())) as store:
        store.migrate()
        yield store


@pytest.fixture
def shop(store: SqlStore, tmp_path: Path) -> Iterator[DeskShop]:
    with closing(EmbeddedBroker(tmp_path / "helpdesk.db", BrokerSettings())) as broker:
        broker.declare()
        yield DeskShop(store, broker)


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def any_shop(request: pytest.FixtureRequest, store: SqlStore) -> Iterator[DeskShop]:
    """A shop on each broker."""
    if request.param == "embedded":
        yield request.getfixturevalue("shop")
        return
    with Brokers(request.getfixturevalue("rabbitmq_url")) as brokers:
        broker = brokers.open()
        broker.declare()
        yield DeskShop(store, broker)


@pytest.fixture
def broker_agent(any_shop: DeskShop) -> Iterator[BrokerAgent]:
    with closing(BrokerAgent(any_shop)) as agent:
        yield agent
