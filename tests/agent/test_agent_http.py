"""/livez, /readyz and /metrics over real sockets, in a network namespace of the test's own."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import pytest

from bgpctl.daemon.http.connections import MOST_CONNECTIONS
from bgpctl.daemon.http.http_server import REQUEST_SECONDS, HttpServer, Page
from bgpctl.daemon.http.metrics_address import MetricsAddress
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


def ask(in_own_network: InOwnNetwork, request: bytes, request_seconds: float = REQUEST_SECONDS) -> tuple[bytes, bytes]:
    """Status line and body of the answer to `request`."""
    answers: list[bytes] = []

    async def main() -> None:
        server = await HttpServer.open(ANY_PORT, PAGES, request_seconds=request_seconds)
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


def test_a_client_that_sends_nothing_is_cut_off(in_own_network: InOwnNetwork) -> None:
    assert ask(in_own_network, b"GET /hello HTT", request_seconds=0.1) == (b"", b"")


def test_a_client_that_does_not_read_is_cut_off_and_little_is_kept_for_it(in_own_network: InOwnNetwork) -> None:
    body = b"x" * 64 * 1024 * 1024
    kept: list[int] = []

    async def main() -> None:
        asked = asyncio.Event()

        async def big() -> Page:
            asked.set()
            return Page(HTTPStatus.OK, body)

        server = await HttpServer.open(ANY_PORT, {"/big": big}, request_seconds=0.5)
        tracemalloc.start()
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port, limit=1024)
        writer.write(b"GET /big HTTP/1.1\r\n\r\n")
        await asked.wait()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        assert serving
        await asyncio.wait(serving)
        kept.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        with contextlib.suppress(ConnectionResetError):
            assert len(await reader.read()) < len(body)
        writer.close()
        server.close()

    in_own_network(main)
    assert kept[0] < 2 * 1024 * 1024


# So that a slow machine cuts no client off before the test does.
PATIENT = 60.0


def test_a_client_that_sends_nothing_makes_room_for_a_new_one(in_own_network: InOwnNetwork) -> None:
    answers: list[bytes] = []

    async def main() -> None:
        server = await HttpServer.open(ANY_PORT, PAGES, request_seconds=PATIENT)
        host, port = server.address.host, server.address.port
        silent = [await asyncio.open_connection(host, port) for _ in range(MOST_CONNECTIONS)]
        answers.append(await exchange(server.address, b"GET /hello HTTP/1.1\r\n\r\n"))
        oldest, _ = silent[0]
        assert await oldest.read() == b""
        newest, writer = silent[-1]
        writer.write(b"GET /hello HTTP/1.1\r\n\r\n")
        answers.append(await newest.read())
        server.close()
        for _, each in silent:
            each.close()

    in_own_network(main)
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2


def test_while_all_wait_for_their_answer_no_other_client_gets_in(in_own_network: InOwnNetwork) -> None:
    """And no client with a request is cut off."""
    done: list[bytes] = []

    async def main() -> None:
        full, all_asked, asked = asyncio.Event(), asyncio.Event(), []

        async def slow() -> Page:
            asked.append(1)
            if len(asked) == MOST_CONNECTIONS:
                full.set()
            await all_asked.wait()
            return Page.text(HTTPStatus.OK)

        server = await HttpServer.open(ANY_PORT, {"/slow": slow}, request_seconds=PATIENT)
        request = b"GET /slow HTTP/1.1\r\n\r\n"
        waiting = [asyncio.create_task(exchange(server.address, request)) for _ in range(MOST_CONNECTIONS)]
        async with asyncio.timeout(30):
            await full.wait()
        with pytest.raises(ConnectionResetError):
            await exchange(server.address, request)
        all_asked.set()
        done.extend(await asyncio.gather(*waiting))
        server.close()

    in_own_network(main)
    assert [answer.split(b"\r\n")[0] for answer in done] == [b"HTTP/1.1 200 OK"] * MOST_CONNECTIONS


def test_a_taken_port_is_not_ready(in_own_network: InOwnNetwork) -> None:
    async def main() -> None:
        first = await HttpServer.open(ANY_PORT, PAGES)
        with pytest.raises(NotReadyError, match=r"127\.0\.0\.1:\d+ cannot be used .*--metrics-address"):
            await HttpServer.open(first.address, PAGES)
        first.close()

    in_own_network(main)


def test_an_address_of_another_machine_is_not_ready(in_own_network: InOwnNetwork) -> None:
    async def main() -> None:
        with pytest.raises(NotReadyError, match=r"192\.0\.2\.1:9179 cannot be used"):
            await HttpServer.open(MetricsAddress("192.0.2.1", 9179), PAGES)

    in_own_network(main)
