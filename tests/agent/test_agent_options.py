"""The options of an agent: their values, and the page that lists them."""

from pathlib import Path

import pytest

from bgpctl.agent import AgentOptions
from bgpctl.agent.options_page import render_page
from bgpctl.configuration.read import OptionsError, Sources, read_options
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.tls_files import TlsFiles

DOCUMENT = Path(__file__).parents[2] / "docs" / "agent-options.md"
RESOURCES = Path("/etc/bgpctl/resources")


def options(**given: str) -> AgentOptions:
    """As if given on the command line."""
    return read_options(AgentOptions, Sources({"resources": str(RESOURCES), **given}))


def test_the_document_is_what_the_declarations_say() -> None:
    """Write it anew with: python -m bgpctl.agent.options_page > docs/agent-options.md"""
    assert DOCUMENT.read_text() == render_page()


def test_options_that_are_not_given_have_the_defaults_of_the_value() -> None:
    assert options(node="a") == AgentOptions(resources=RESOURCES, node="a")


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
    assert options(metrics_address=text).metrics_address == MetricsAddress(host, port)


def test_an_empty_metrics_address_is_none() -> None:
    assert options(metrics_address="").metrics_address is None


@pytest.mark.parametrize("text", ["9179", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_what_is_no_metrics_address_is_refused(text: str) -> None:
    with pytest.raises(OptionsError, match=r"--metrics-address: .* is not ADDRESS:PORT"):
        options(metrics_address=text)


def test_an_ipv6_metrics_address_is_written_in_brackets() -> None:
    assert str(MetricsAddress("::1", 9179)) == "[::1]:9179"


@pytest.mark.parametrize(("protocol", "table"), [("5", "1"), ("179", "254"), ("255", str(2**32 - 1))])
def test_a_protocol_number_and_a_table_are_taken(protocol: str, table: str) -> None:
    taken = options(route_protocol=protocol, route_table=table).compile_options
    assert (taken.route_protocol, taken.route_table) == (int(protocol), int(table))


@pytest.mark.parametrize("protocol", ["4", "256", "-1", "bgp"])
def test_protocol_numbers_of_the_kernel_and_what_is_none_are_refused(protocol: str) -> None:
    """rtnetlink(7): up to 4 the protocols of the kernel and of people who type a route."""
    with pytest.raises(OptionsError, match=f"--route-protocol: '{protocol}' is not a number from 5 to 255"):
        options(route_protocol=protocol)


@pytest.mark.parametrize("table", ["0", str(2**32), "main"])
def test_what_is_no_table_is_refused(table: str) -> None:
    with pytest.raises(OptionsError, match=r"--route-table: .* is not a number from 1 to"):
        options(route_table=table)


def test_the_kernel_s_table_of_addresses_is_refused() -> None:
    with pytest.raises(OptionsError, match="--route-table: 255 is the kernel's table of its own addresses"):
        options(route_table="255")


def test_a_certificate_may_have_its_key_elsewhere() -> None:
    assert options(metrics_cert="c.pem", metrics_key="k.pem").page_tls.files == TlsFiles(Path("c.pem"), Path("k.pem"))
    assert options().page_tls.files is None


@pytest.mark.parametrize("alone", ["metrics_key", "metrics_client_ca"])
def test_a_key_or_a_ca_needs_a_certificate(alone: str) -> None:
    with pytest.raises(OptionsError, match="metrics-key and metrics-client-ca need metrics-cert"):
        options(**{alone: "file.pem"})
