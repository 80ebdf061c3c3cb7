"""The tests themselves stay on this machine."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_to_another_machine_is_refused() -> None:
    """The socket guard refuses an address that is not loopback."""
    with socket.socket() as sock, pytest.raises(RuntimeError, match="tried to reach"):
        sock.connect(("192.0.2.1", 80))
