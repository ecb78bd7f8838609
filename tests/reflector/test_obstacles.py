"""Why a session does not come up, as far as no socket is needed: sentences, the likely cause, who is unknown."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from reflector.kernel.md5_counters import md5_counters
from reflector.session.obstacle import Endpoints, Obstacle, of_bind, of_connect
from reflector.session.unknown_peers import MOST, UnknownPeers
from reflector.session.wrong_key import FAILURE, NOT_FOUND, UNEXPECTED, WrongKeys

BETWEEN = Endpoints("192.0.2.9", 1179, "192.0.2.1", has_password=False)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_answer_of_the_kernel_has_a_sentence(number: int) -> None:
    for explanation in (of_connect(number, BETWEEN), of_bind(number, BETWEEN)):
        assert explanation.sentence
        assert "{" not in explanation.sentence


def test_the_page_has_every_obstacle() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE) == [obstacle.value for obstacle in Obstacle]


def test_sentences_name_what_to_look_at() -> None:
    assert "port 1179" in of_connect(errno.ECONNREFUSED, BETWEEN).sentence
    assert "192.0.2.1" in of_bind(errno.EADDRNOTAVAIL, BETWEEN).sentence
    keyed = BETWEEN._replace(has_password=True)
    assert "TCP-MD5" in of_connect(errno.ETIMEDOUT, keyed).sentence
    assert "TCP-MD5" not in of_connect(errno.ETIMEDOUT, BETWEEN).sentence


@pytest.mark.parametrize(
    ("address", "obstacle"), [("fe80::1", Obstacle.LINK_LOCAL), ("fd00::1", Obstacle.DROPPED_HERE)]
)
def test_an_invalid_argument_means_a_link_or_a_blackhole(address: str, obstacle: Obstacle) -> None:
    assert of_connect(errno.EINVAL, BETWEEN._replace(peer=address)).obstacle is obstacle


def test_the_kernels_counters_are_read() -> None:
    text = "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure\nTcpExt: 9 1 2 3\nIpExt: A\nIpExt: 1\n"
    assert md5_counters(text) == {NOT_FOUND: 1, UNEXPECTED: 2, FAILURE: 3}
    assert md5_counters("TcpExt: SyncookiesSent\nTcpExt: 9\n") == {}
    assert set(md5_counters()) <= {NOT_FOUND, UNEXPECTED, FAILURE}


def test_a_counter_that_has_risen_in_the_silence_is_the_likely_cause() -> None:
    keys = WrongKeys()
    assert not keys.observe({FAILURE: 7, NOT_FOUND: 0, UNEXPECTED: 0}, 10.0)
    assert keys.suspicion(0.0, has_password=True) == ""
    assert keys.observe({FAILURE: 8, NOT_FOUND: 0, UNEXPECTED: 0}, 20.0)
    assert "another TCP-MD5 key" in keys.suspicion(15.0, has_password=True)
    assert keys.suspicion(15.0, has_password=False) == ""
    assert keys.suspicion(25.0, has_password=True) == ""
    keys.observe({FAILURE: 8, NOT_FOUND: 1, UNEXPECTED: 1}, 30.0)
    assert "has no TCP-MD5 key" in keys.suspicion(15.0, has_password=True)
    assert "this session has none" in keys.suspicion(15.0, has_password=False)


def test_unknown_peers_are_bounded_and_the_newest_stay() -> None:
    peers = UnknownPeers()
    for number in range(1000):
        peers.note("192.0.2.1", "192.0.2.9", number)
        peers.note(f"10.0.{number // 256}.{number % 256}", "192.0.2.9", number)
    known = list(peers)
    assert (len(known), peers.connections) == (MOST, 2000)
    assert known[0].address == "10.0.3.231"
    assert [each.connections for each in known if each.address == "192.0.2.1"] == [1000]
    peers.forget(frozenset({"192.0.2.1"}))
    assert "192.0.2.1" not in {each.address for each in peers}
