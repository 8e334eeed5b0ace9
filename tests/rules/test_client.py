"""Who is behind an address."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.client import client_of, connection_of


@pytest.mark.parametrize(
    ("address", "client"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4, as it is"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="IPv6, by its network"),
        pytest.param("2001:DB8:1:2::1", "2001:db8:1:2::/64", id="the same network, in capitals"),
        pytest.param("2001:db8:1:3::1", "2001:db8:1:3::/64", id="the next network"),
        pytest.param("::1", "::/64", id="this machine"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 on a socket of IPv6"),
        pytest.param("fe80::1%eth0", "fe80::1%eth0", id="a neighbour, by all of its address"),
        pytest.param("fe80::2", "fe80::2", id="another neighbour"),
        pytest.param("localhost", "localhost", id="a name, as of a Unix socket"),
        pytest.param("2001:db8::1:::", "2001:db8::1:::", id="no address"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_client_is_named_by_its_address(address: str, client: str) -> None:
    assert client_of({"REMOTE_ADDR": address}) == client


@pytest.mark.parametrize("environ", [{}, {"REMOTE_ADDR": None}], ids=["none", "None"])
def test_who_has_no_address_is_one_client(environ: dict[str, str]) -> None:
    assert client_of(environ) == ""


@given(st.text())
def test_any_text_is_a_client(address: str) -> None:
    assert isinstance(client_of({"REMOTE_ADDR": address}), str)


# Networks of the addresses that are routed (RFC 4291 §2.4), and what machines add to them.
NETWORKS = st.integers(0x2000 << 48, (0x4000 << 48) - 1)
MACHINES = st.integers(0, (1 << 64) - 1)


@given(NETWORKS, MACHINES, MACHINES)
def test_the_machines_of_a_network_are_one_client(network: int, one: int, other: int) -> None:
    addresses = [str(IPv6Address(network << 64 | machine)) for machine in (one, other)]
    clients = {client_of({"REMOTE_ADDR": address}) for address in addresses}
    assert clients == {f"{IPv6Address(network << 64)}/64"}


@pytest.mark.parametrize(
    ("environ", "connection"),
    [
        pytest.param(
            {"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "1024"},
            ("192.0.2.1", "1024"),
            id="an address and a port",
        ),
        pytest.param({"REMOTE_PORT": "1024"}, ("", "1024"), id="a port alone"),
        pytest.param({"REMOTE_ADDR": "192.0.2.1"}, None, id="no port"),
        pytest.param({"REMOTE_ADDR": "localhost", "REMOTE_PORT": "None"}, None, id="a Unix socket"),
        pytest.param({"REMOTE_ADDR": "localhost", "REMOTE_PORT": ""}, None, id="an empty port"),
    ],
)
def test_a_connection_is_named_where_the_server_tells(
    environ: dict[str, str], connection: tuple[str, str] | None
) -> None:
    assert connection_of(environ) == connection
