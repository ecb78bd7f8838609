"""The pages in a thread of their own: a probe is answered whatever scrapers do, and however busy the agent is."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from bgpctl.daemon.http.connections import FOR_PROBES, MOST_CONNECTIONS
from bgpctl.daemon.http.http_server import Page, Pages
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.server_thread import ServerThread
from bgpctl.errors import NotReadyError

ANY_PORT = MetricsAddress("127.0.0.1", 0)
# Far more than the kernel takes for a client that does not read.
LARGE = Page(HTTPStatus.OK, bytes(16 * 1024 * 1024))
# Seconds. No scraper is cut off before a probe that waits for it fails, however busy the machine is with other tests.
PATIENCE, LONGER = 60.0, 600.0


async def large() -> Page:
    return LARGE


async def small() -> Page:
    return Page.text(HTTPStatus.OK, threading.current_thread().name)


def unexpected(doing: str, error: Exception) -> None:
    raise AssertionError(doing) from error


PAGES: Pages = {"/metrics": large, "/readyz": small}


def ask(address: MetricsAddress, path: str) -> str:
    """The head and the first octets of the body."""
    with socket.create_connection((address.host, address.port), timeout=PATIENCE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        answer = b""
        while more := client.recv(65536):
            answer += more
            if len(answer) > 4096:
                break
        return answer.decode()


def has_an_answer(client: socket.socket) -> bool:
    """Waits for it, and leaves it where it is; False if the client had to make room for another one."""
    client.settimeout(PATIENCE)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except ConnectionResetError:
        return False


@contextmanager
def scrapers_that_do_not_read(address: MetricsAddress, count: int) -> Iterator[None]:
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((address.host, address.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        clients.append(client)
    assert sum(map(has_an_answer, clients)) >= min(count, MOST_CONNECTIONS)
    try:
        yield
    finally:
        for client in clients:
            client.close()


def served(script: Callable[[MetricsAddress], None]) -> None:
    """Runs the script in a thread beside an agent's loop with these pages."""

    async def main() -> None:
        server = await ServerThread.open(ANY_PORT, PAGES, unexpected, request_seconds=LONGER)
        try:
            await asyncio.to_thread(script, server.address)
        finally:
            server.close()

    asyncio.run(main())


def test_pages_are_made_in_the_agents_loop() -> None:
    served(lambda address: _assert_ends(ask(address, "/readyz"), "MainThread\n"))


def _assert_ends(text: str, end: str) -> None:
    assert text.endswith(end), text


@pytest.mark.parametrize("scrapers", [4, MOST_CONNECTIONS + 20])
def test_a_probe_is_answered_while_scrapers_do_not_read(scrapers: int) -> None:
    def script(address: MetricsAddress) -> None:
        with scrapers_that_do_not_read(address, scrapers):
            for _ in range(40):
                assert ask(address, "/livez").startswith("HTTP/1.1 200 ")
            assert ask(address, "/readyz").startswith("HTTP/1.1 200 ")

    served(script)


def test_scrapers_have_all_places_but_those_of_probes() -> None:
    def script(address: MetricsAddress) -> None:
        with scrapers_that_do_not_read(address, MOST_CONNECTIONS - FOR_PROBES):
            answer = ask(address, "/metrics")
            assert answer.startswith("HTTP/1.1 503 ")
            assert answer.endswith("too many clients ask for this page\n")

    served(script)


def test_a_probe_is_answered_while_the_agents_loop_is_busy() -> None:
    async def main() -> None:
        server = await ServerThread.open(ANY_PORT, PAGES, unexpected)
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.extend(ask(server.address, "/livez") for _ in range(10)))
        asking.start()
        asking.join()  # nothing else happens in this loop
        server.close()
        assert [each.split("\r\n")[0] for each in answers] == ["HTTP/1.1 200 OK"] * 10

    asyncio.run(main())


def test_a_loop_that_stands_still_is_not_alive() -> None:
    async def main() -> None:
        server = await ServerThread.open(ANY_PORT, PAGES, unexpected, still=0.2)
        answers: list[str] = []
        asking = threading.Thread(target=lambda: (time.sleep(0.5), answers.append(ask(server.address, "/livez"))))
        asking.start()
        asking.join()
        server.close()
        (answer,) = answers
        assert answer.startswith("HTTP/1.1 503 ")
        assert "the process stands still" in answer

    asyncio.run(main())


def test_an_address_that_is_taken_is_a_world_that_is_not_ready() -> None:
    async def main() -> None:
        first = await ServerThread.open(ANY_PORT, PAGES, unexpected)
        try:
            with pytest.raises(NotReadyError, match="choose another --metrics-address"):
                await ServerThread.open(first.address, PAGES, unexpected)
        finally:
            first.close()

    asyncio.run(main())
    assert [each.name for each in threading.enumerate() if each.name == "http"] == []
