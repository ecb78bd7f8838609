"""What the agent is told on its command line."""

import pytest

from bgpctl.agent import MetricsAddress
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
