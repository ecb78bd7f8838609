"""Scrapers that misbehave: they get what they deserve, everybody else an answer, and no session notices."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, CLUSTER, METRICS_PORTS, World, in_namespace, until

pytestmark = pytest.mark.netns

MORE_THAN_THERE_IS_ROOM_FOR = 140
SCRAPES_AT_ONCE = 100
PROGRAMS = Path(__file__).with_name("scrapers.py")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A session between two agents, which is up before and after; what happens in between is the tests' affair."""
    netns = f"bgpctl-scrapers-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", netns], check=True)
    try:
        subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
        for address in ADDRESSES.values():
            subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/32", "dev", "lo"], check=True)
        world = World(dict.fromkeys(ADDRESSES, netns), tmp_path_factory.mktemp("world"), "--no-fib")
        world.write("cluster.yaml", CLUSTER)
        for node in ADDRESSES:
            world.start(node)
        try:
            until(lambda: all(map(world.established, ADDRESSES)) and all(map(world.runs, ADDRESSES)), 60)
            yield world
        finally:
            world.end()
    finally:
        subprocess.run(["ip", "netns", "del", netns], check=True)


@pytest.fixture(autouse=True)
def _nobody_else_notices(world: World) -> Iterator[None]:
    """Agent and speaker are the same processes as before, the session has not flapped, and the log has no error."""
    speaker = world.known_status("a").speaker_pid
    yield
    assert [agent.poll() for agent in world.agents] == [None, None]
    assert world.known_status("a").speaker_pid == speaker
    assert {(peer.state, peer.flaps) for peer in world.peers("a")} == {("Established", 0)}
    assert "Traceback" not in world.log("a")
    assert "error" not in world.log("a")


def scraper(world: World, how: str, *arguments: object) -> list[str]:
    """The words of a scraper that comes to `a`."""
    words = [sys.executable, PROGRAMS, how, METRICS_PORTS["a"], *arguments]
    return in_namespace(world.namespaces["a"]) + [str(word) for word in words]


def outcome(world: World, how: str, *arguments: object) -> str:
    return subprocess.run(
        scraper(world, how, *arguments), check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_scrapers_that_say_nothing_hold_nobody_up(world: World) -> None:
    with subprocess.Popen(
        scraper(world, "silent", MORE_THAN_THERE_IS_ROOM_FOR), stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as silent:
        assert silent.stdout
        assert silent.stdout.readline() == b"connected\n"
        assert world.page("a", "livez") == "OK\n"
        assert world.metric("a", "bgpctl_speaker_up") == 1
        silent.communicate(b"")


def test_all_who_scrape_at_once_get_the_whole_page(world: World) -> None:
    assert outcome(world, "together", SCRAPES_AT_ONCE) == f"{SCRAPES_AT_ONCE} whole pages\n"


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), "400"),
        (b"\0" * 4096 + b"\r\n\r\n", "400"),
        (b"\xff\xfe" * 100 + b"\r\n\r\n", "400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 30_000, "431"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        (b"GET http://10.0.0.1/metrics HTTP/1.1\r\n\r\n", "404"),
        (b"\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n", "400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
        (b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "200"),
        (b"GET /livez HTTP/1.1\r\n\r\n" * 500, "200"),
    ],
    ids=["TLS", "zeros", "no text", "endless", "a path", "a proxy", "empty lines", "HTTP/2", "no body", "many"],
)
def test_garbage_is_answered_with_what_it_is(world: World, octets: bytes, answer: str) -> None:
    assert outcome(world, "garbage", octets.hex()) == f"{answer}\n"


def test_a_scraper_that_resets_its_connection_is_forgotten(world: World) -> None:
    assert outcome(world, "reset", 50) == "50 reset\n"
    assert world.page("a", "livez") == "OK\n"
