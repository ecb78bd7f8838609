"""Why a session does not come up: what the kernel answers, what BIRD answers, and a wrong TCP-MD5 key."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time

import pytest
from segment import LISTEN, LOCAL_AS, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.control.client import ControlClient
from reflector.messages import PeerStatus, ShowPeers, ShowSessions, UnknownPeerStatus
from reflector.plan import NodePlan, Password, SessionPlan
from reflector.session.obstacle import Obstacle

pytestmark = pytest.mark.netns

US, US6, PEER = "10.9.0.9", "fd00:9::9", "10.9.0.1"


def plan(*sessions: SessionPlan) -> NodePlan:
    return NodePlan(node="us", router_id=US, listen=LISTEN, sessions=sessions)


def start(segment: Segment, *sessions: SessionPlan) -> Speaker:
    ours = plan(*sessions)
    return segment.speaker("us", ours, render_exabgp_conf(ours))


@pytest.fixture
def hosts(segment: Segment) -> Segment:
    segment.host("us", f"{US}/24", f"{US6}/64")
    segment.host("peer", f"{PEER}/24")
    return segment


def on(segment: Segment, host: str, *words: str) -> None:
    subprocess.run(["ip", "-n", segment.namespace(host), *words], check=True)


def peer(speaker: Speaker, address: str) -> PeerStatus:
    return speaker.peers()[f"to-{address}"]


def failed(speaker: Speaker, address: str, obstacle: Obstacle) -> PeerStatus:
    """The session, once an attempt has failed for this reason."""

    def status() -> PeerStatus | None:
        found = peer(speaker, address)
        return found if obstacle.value in found.attempts_failed else None

    return eventually(status, f"{obstacle}; {peer(speaker, address)}", within=20)


# What the kernel answers -> how an address comes to do so, and what is shown.
ANSWERS = {
    Obstacle.REFUSED: (PEER, "refused: nothing listens there on port 179"),
    Obstacle.NO_HOST: ("10.9.0.77", "no host: nothing answers at this address"),
    Obstacle.NO_ROUTE: ("198.51.100.1", "no route: this host has no route to the peer"),
    Obstacle.DROPPED_HERE: ("203.0.113.1", "dropped: this host's route to the peer drops all packets"),
    Obstacle.FORBIDDEN_HERE: ("203.0.113.2", "forbidden: a prohibit route"),
    Obstacle.LINK_LOCAL: ("fe80::1", "link-local: fe80::1 means something on one link only"),
}


def test_the_kernels_answer_is_shown_with_its_time(hosts: Segment) -> None:
    on(hosts, "us", "route", "add", "blackhole", "203.0.113.1/32")
    on(hosts, "us", "route", "add", "prohibit", "203.0.113.2/32")
    sessions = [session(address, US) for address, _ in ANSWERS.values() if ":" not in address]
    speaker = start(hosts, *sessions, session("fe80::1", US6, families=(6,)))
    speaker.wait_listening()
    for obstacle, (address, sentence) in ANSWERS.items():
        status = failed(speaker, address, obstacle)
        assert status.last_error.startswith(sentence)
        assert 0 <= status.last_error_age < 15
        assert (status.ended, status.flaps, set(status.attempts_failed)) == ("", 0, {obstacle.value})


def test_an_address_that_this_host_does_not_have_is_named(hosts: Segment) -> None:
    speaker = start(hosts, session(PEER, "10.9.0.200"))
    speaker.wait_listening()
    status = failed(speaker, PEER, Obstacle.LOCAL_ADDRESS)
    assert status.last_error == ("no local address: this host does not have 10.9.0.200, which the session has to use")


@pytest.mark.parametrize(("password", "hint"), [(None, False), (Password("a-key"), True)])
def test_no_answer_at_all(hosts: Segment, password: Password | None, hint: bool) -> None:
    on(hosts, "peer", "route", "add", "blackhole", f"{US}/32")
    speaker = start(hosts, session(PEER, US, password=password))
    speaker.wait_listening()
    status = failed(speaker, PEER, Obstacle.TIMED_OUT)
    assert status.last_error.startswith("no answer: the host is down")
    assert ("another TCP-MD5 key" in status.last_error) is hint


def test_a_peer_that_takes_the_connection_and_closes_it(hosts: Segment) -> None:
    with hosts.inside("peer"):
        listener = socket.create_server((PEER, 179))

    def close_all() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.close()

    threading.Thread(target=close_all, daemon=True).start()
    speaker = start(hosts, session(PEER, US))
    speaker.wait_listening()
    status = failed(speaker, PEER, Obstacle.CLOSED)
    assert status.last_error == (
        f"closed: the peer closed the connection before its OPEN; it may have no session with {US}"
    )
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_error_is_cleared_when_the_session_is_up_and_the_reason_of_its_end_stays(hosts: Segment) -> None:
    speaker = start(hosts, session(PEER, US))
    speaker.wait_listening()
    failed(speaker, PEER, Obstacle.REFUSED)
    theirs = NodePlan(node="peer", router_id=PEER, listen=LISTEN, sessions=(session(US, PEER, passive=True),))
    other = hosts.speaker("peer", theirs, render_exabgp_conf(theirs))
    speaker.wait_established()
    status = peer(speaker, PEER)
    assert (status.last_error, status.last_error_age) == ("", 0.0)
    assert status.attempts_failed["refused"] > 0
    other.process.terminate()
    other.process.wait()
    status = eventually(lambda: (at := peer(speaker, PEER)).flaps and at, "it is down")
    ended = status.ended
    assert ended
    status = eventually(lambda: (at := peer(speaker, PEER)).last_error != ended and at, "an attempt has failed")
    assert status.last_error.startswith("refused")
    assert (status.ended, status.ended_age >= status.last_error_age) == (ended, True)
    other.restart()
    speaker.wait_established()
    assert (peer(speaker, PEER).last_error, peer(speaker, PEER).ended) == (ended, ended)


def test_the_sessions_that_are_down_have_the_same_sentences(hosts: Segment) -> None:
    speaker = start(hosts, session(PEER, US), session("198.51.100.1", US))
    speaker.wait_listening()
    failed(speaker, PEER, Obstacle.REFUSED)
    failed(speaker, "198.51.100.1", Obstacle.NO_ROUTE)
    with ControlClient(speaker.directory / "speaker.sock") as client:
        sessions = client.ask(ShowSessions())
        assert (sessions.expected, sessions.established) == (2, 0)
        assert {each.last_error.partition(":")[0] for each in sessions.down} == {"refused", "no route"}
        assert len(client.ask(ShowSessions(limit=1)).down) == 1
        eventually(lambda: client.ask(ShowSessions()).overdue == 2, "both are overdue")


# ------------------------------------------------------------------------------------ BIRD's answers


def bird_conf(options: str = "", asn: int = LOCAL_AS, neighbor: str = US) -> str:
    return f"""
log stderr all;
router id {PEER};
protocol device {{ }}
protocol bgp ours {{
  local {PEER} as {asn}; neighbor {neighbor} as {LOCAL_AS};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 {{ import all; export all; }};
  {options}
}}
"""


def test_another_as_than_expected_is_shown_in_words(hosts: Segment) -> None:
    speaker = start(hosts, session(PEER, US))
    hosts.bird("peer", bird_conf(asn=64599))
    speaker.wait_listening()
    status = eventually(lambda: "AS" in (at := peer(speaker, PEER)).last_error.upper() and at, "the AS is named")
    assert "bad peer as" in status.last_error


def test_a_bird_without_a_session_with_us(hosts: Segment) -> None:
    """It takes the connection, and closes it."""
    hosts.bird("peer", bird_conf(neighbor="10.9.0.50"))
    speaker = start(hosts, session(PEER, US))
    speaker.wait_listening()
    status = eventually(lambda: (at := peer(speaker, PEER)).attempts_failed.keys() - {"refused"} and at, "it closes")
    assert status.last_error


KEYS = {
    "another key": (Password("right"), 'password "wrong";', "the peer probably has another TCP-MD5 key"),
    "no key there": (Password("right"), "", "the peer probably has no TCP-MD5 key"),
    "no key here": (None, 'password "wrong";', "the peer probably has a TCP-MD5 key, and this session has none"),
}


@pytest.mark.parametrize("passive", [False, True], ids=["dialled", "passive"])
@pytest.mark.parametrize("kind", KEYS)
def test_a_wrong_key_is_named_as_the_likely_cause(hosts: Segment, kind: str, passive: bool) -> None:
    password, options, sentence = KEYS[kind]
    speaker = start(hosts, session(PEER, US, password=password, passive=passive))
    hosts.bird("peer", bird_conf(options))
    speaker.wait_listening()
    status = eventually(
        lambda: (at := peer(speaker, PEER)).last_error.startswith(sentence) and at,
        f"{sentence}; {peer(speaker, PEER)}",
        within=20,
    )
    assert status.state != "Established"


def test_a_key_put_right_clears_it(hosts: Segment) -> None:
    speaker = start(hosts, session(PEER, US, password=Password("right")))
    bird = hosts.bird("peer", bird_conf('password "wrong";'))
    speaker.wait_listening()
    eventually(lambda: "probably" in peer(speaker, PEER).last_error, "it is named", within=20)
    ours = plan(session(PEER, US, password=Password("wrong")))
    speaker.apply(ours, render_exabgp_conf(ours))
    eventually(lambda: bird.is_established("ours"), "Established", within=20)
    assert peer(speaker, PEER).last_error == ""


def test_a_key_that_changes_at_one_end_of_a_living_session_is_named(hosts: Segment) -> None:
    def theirs(key: str) -> NodePlan:
        one = session(US, PEER, password=Password(key), hold_time=6, passive=True)
        return NodePlan(node="peer", router_id=PEER, listen=LISTEN, sessions=(one,))

    other = hosts.speaker("peer", theirs("right"), render_exabgp_conf(theirs("right")))
    speaker = start(hosts, session(PEER, US, password=Password("right"), hold_time=6))
    speaker.wait_established()
    time.sleep(3)  # the counters are looked at every two seconds, and what was counted before says nothing
    other.apply(theirs("wrong"), render_exabgp_conf(theirs("wrong")))
    status = eventually(lambda: (at := peer(speaker, PEER)).flaps and at, "the hold time is over", within=30)
    assert status.ended.startswith("hold timer expired: the peer probably has another TCP-MD5 key")
    eventually(lambda: "TCP-MD5 key" in peer(speaker, PEER).last_error, "attempts fail for it", within=20)


# ------------------------------------------------------------------------------------ unknown peers


def unknown(speaker: Speaker) -> tuple[UnknownPeerStatus, ...]:
    with ControlClient(speaker.directory / "speaker.sock") as client:
        return client.ask(ShowPeers()).unknown


def test_who_connects_without_being_in_the_plan_is_shown_until_it_is_in_it(hosts: Segment) -> None:
    speaker = start(hosts, session("10.9.0.50", US, passive=True))
    speaker.wait_listening()
    for _ in range(2):
        with contextlib.suppress(ConnectionResetError):
            RawPeer(hosts, "peer", PEER, US).socket.close()
    (shown,) = eventually(lambda: (found := unknown(speaker)) and found[0].connections == 2 and found, "it is shown")
    assert (shown.address, shown.local_address) == (PEER, US)
    assert 0 <= shown.age < 10
    ours = plan(session("10.9.0.50", US, passive=True), session(PEER, US, passive=True))
    speaker.apply(ours, render_exabgp_conf(ours))
    assert unknown(speaker) == ()
