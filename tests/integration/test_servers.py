"""The private servers of the suite themselves."""

import os
from pathlib import Path

import psycopg
import pytest

from tests.servers import PostgreSqlServer, RabbitMqServer


@pytest.mark.postgresql
def test_a_private_postgresql_keeps_its_data_through_kill_and_start(postgresql_server: PostgreSqlServer) -> None:
    with psycopg.connect(postgresql_server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (42)")
    postgresql_server.kill()
    postgresql_server.start()
    with psycopg.connect(postgresql_server.url, autocommit=True) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [(42,)]
        connection.execute("DROP TABLE kept")


@pytest.mark.postgresql
def test_a_frozen_postgresql_answers_again_after_thawing(postgresql_server: PostgreSqlServer) -> None:
    postgresql_server.freeze()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgresql_server.url, connect_timeout=2)
    postgresql_server.thaw()
    psycopg.connect(postgresql_server.url, connect_timeout=5).close()


@pytest.mark.rabbitmq
def test_a_private_rabbitmq_node_is_alone_and_controlled_by_its_own_rabbitmqctl(
    rabbitmq_server: RabbitMqServer,
) -> None:
    assert rabbitmq_server.ctl("eval", "nodes().").strip() == "[]"
    assert rabbitmq_server.ctl("eval", "os:getpid().").strip().strip('"') == str(rabbitmq_server.pid)


@pytest.mark.postgresql
def test_a_closed_server_leaves_neither_process_nor_files() -> None:
    server = PostgreSqlServer().start()
    pid, directory = server.pid, server.directory
    server.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not os.path.exists(directory)
