"""What the agent is told on its command line."""

import pytest

from bgpctl.agent import MetricsAddress, RoutePlace
from bgpctl.errors import NotReadyError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9179", "127.0.0.1", 9179),
        ("[::1]:80", "::1", 80),
        (":9179", "", 9179),
        ("localhost:0", "localhost", 0),
    ],
)
def test_metrics_address_is_read(text: str, host: str, port: int) -> None:
    assert MetricsAddress.parse(text) == MetricsAddress(host, port)


@pytest.mark.parametrize("text", ["9179", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_what_is_no_metrics_address_is_not_ready(text: str) -> None:
    with pytest.raises(NotReadyError, match="not ADDRESS:PORT"):
        MetricsAddress.parse(text)


def test_an_ipv6_metrics_address_is_written_in_brackets() -> None:
    assert str(MetricsAddress("::1", 9179)) == "[::1]:9179"


@pytest.mark.parametrize(("protocol", "table"), [(5, 1), (179, 254), (255, 2**32 - 1)])
def test_a_protocol_number_and_a_table_are_taken(protocol: int, table: int) -> None:
    assert RoutePlace.of(protocol, table) == RoutePlace(protocol, table)


@pytest.mark.parametrize(("protocol", "table"), [(4, 254), (256, 254), (179, 0), (179, 255), (179, 2**32)])
def test_numbers_of_the_kernel_and_what_is_none_are_not_ready(protocol: int, table: int) -> None:
    """rtnetlink(7): up to 4 the protocols of the kernel and of whoever types a route, table 255 that of addresses."""
    with pytest.raises(NotReadyError, match="is not from"):
        RoutePlace.of(protocol, table)
