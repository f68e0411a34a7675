"""Listening: a free port is found, a taken one is a clear error."""

import socket

import pytest

from helpdesk.errors import InvalidSetting
from helpdesk.settings import HttpSettings
from helpdesk.web.server import bind


def test_port_zero_takes_a_free_port_on_loopback() -> None:
    with bind(HttpSettings(), 0, setting="PORT") as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        assert port > 0


def test_a_port_in_use_is_a_clear_error_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InvalidSetting, match=rf"PORT: port {port} is in use"):
            bind(HttpSettings(), port, setting="PORT")


def test_an_address_of_another_machine_is_a_clear_error() -> None:
    with pytest.raises(InvalidSetting, match=r"cannot listen on 203\.0\.113\.1"):
        bind(HttpSettings(host="203.0.113.1"), 0, setting="PORT")
