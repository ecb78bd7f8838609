"""/livez, /readyz and /metrics over real sockets, in a network namespace of the test's own."""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import pytest

from bgpctl.agent import MetricsAddress
from bgpctl.agent import http_server as server_module
from bgpctl.agent.http_server import HttpServer, Page
from bgpctl.errors import NotReadyError

pytestmark = pytest.mark.netns

InOwnNetwork = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
ANY_PORT = MetricsAddress("127.0.0.1", 0)


async def hello() -> Page:
    return Page.text(HTTPStatus.OK, "hello")


PAGES = {"/hello": hello}


async def exchange(address: MetricsAddress, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def ask(in_own_network: InOwnNetwork, request: bytes) -> tuple[bytes, bytes]:
    """Status line and body of the answer to `request`."""
    answers: list[bytes] = []

    async def main() -> None:
        server = await HttpServer.open(ANY_PORT, PAGES)
        answers.append(await exchange(server.address, request))
        server.close()

    in_own_network(main)
    head, _, body = answers[0].partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body


def test_a_page_is_served(in_own_network: InOwnNetwork) -> None:
    assert ask(in_own_network, b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == (b"HTTP/1.1 200 OK", b"hello\n")


def test_a_query_does_not_matter(in_own_network: InOwnNetwork) -> None:
    assert ask(in_own_network, b"GET /hello?a=b HTTP/1.1\r\n\r\n")[0] == b"HTTP/1.1 200 OK"


def test_head_is_answered_without_a_body(in_own_network: InOwnNetwork) -> None:
    assert ask(in_own_network, b"HEAD /hello HTTP/1.1\r\n\r\n") == (b"HTTP/1.1 200 OK", b"")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /hello/ HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /hello HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"hello\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello SPDY/3\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
    ],
)
def test_anything_else_is_an_error(in_own_network: InOwnNetwork, request_head: bytes, status: bytes) -> None:
    assert ask(in_own_network, request_head)[0] == b"HTTP/1.1 " + status


def test_a_client_that_sends_nothing_is_cut_off(in_own_network: InOwnNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.1)
    assert ask(in_own_network, b"GET /hello HTT") == (b"", b"")


def test_a_taken_port_is_not_ready(in_own_network: InOwnNetwork) -> None:
    async def main() -> None:
        first = await HttpServer.open(ANY_PORT, PAGES)
        with pytest.raises(NotReadyError, match=r"127\.0\.0\.1:\d+ cannot be used .*--metrics-address"):
            await HttpServer.open(first.address, PAGES)
        first.close()

    in_own_network(main)


def test_an_address_of_nobody_is_not_ready(in_own_network: InOwnNetwork) -> None:
    async def main() -> None:
        with pytest.raises(NotReadyError, match=r"192\.0\.2\.1:9179 cannot be used"):
            await HttpServer.open(MetricsAddress("192.0.2.1", 9179), PAGES)

    in_own_network(main)
