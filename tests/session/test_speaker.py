"""The speaker as a process: real sockets, real ExaBGP sessions, real neighbours."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from reflector.control.client import RefusedError
from reflector.outbound.slow_peer import LAG_BOUND
from reflector.plan import NodePlan, Origination, Policy, PolicyRule, RouteSource, Verdict

pytestmark = pytest.mark.netns

RR, A, B = "10.9.0.9", "10.9.0.1", "10.9.0.2"
BLOCK_A, BLOCK_B = "10.244.0.0/26", "10.244.1.0/26"


def reflector_plan(**changes: object) -> NodePlan:
    sessions = (session(A, RR, rr_client=True), session(B, RR, rr_client=True))
    plan = NodePlan(node="rr", router_id=RR, cluster_id="9.9.9.9", listen=LISTEN, sessions=sessions)
    return msgspec.structs.replace(plan, **changes)


def node_plan(address: str, block: str, **changes: object) -> NodePlan:
    originations = (Origination(block, RouteSource.BLOCK),)
    plan = NodePlan(
        node=address, router_id=address, listen=LISTEN, sessions=(session(RR, address),), originations=originations
    )
    return msgspec.structs.replace(plan, **changes)


@pytest.fixture
def hosts(segment: Segment) -> Segment:
    for name, address in (("rr", RR), ("a", A), ("b", B)):
        segment.host(name, f"{address}/24")
    return segment


@pytest.fixture
def cluster(hosts: Segment) -> dict[str, Speaker]:
    """A reflector with two clients that dial it while it dials them."""
    speakers = {
        "rr": hosts.speaker("rr", reflector_plan()),
        "a": hosts.speaker("a", node_plan(A, BLOCK_A)),
        "b": hosts.speaker("b", node_plan(B, BLOCK_B)),
    }
    for name, count in (("rr", 2), ("a", 1), ("b", 1)):
        speakers[name].wait_established(count)
    eventually(lambda: BLOCK_B in speakers["a"].routes(), "a has b's block")
    eventually(lambda: BLOCK_A in speakers["b"].routes(), "b has a's block")
    return speakers


def test_a_reflected_route_keeps_its_next_hop_and_names_originator_and_cluster(cluster: dict[str, Speaker]) -> None:
    """RFC 4456 8 and 10."""
    route = cluster["a"].routes()[BLOCK_B]
    assert (route.next_hop, route.originator_id, route.cluster_list) == (B, B, ("9.9.9.9",))


def test_a_client_drops_its_own_route_when_it_comes_back(cluster: dict[str, Speaker]) -> None:
    """RFC 4456 8: by ORIGINATOR_ID."""
    status = eventually(
        lambda: next(p for p in cluster["a"].peers().values() if p.received == 2), "a has been sent both blocks"
    )
    assert status.accepted == 1


def test_a_killed_client_loses_its_routes_at_once_and_the_other_session_stays(cluster: dict[str, Speaker]) -> None:
    cluster["b"].process.kill()
    eventually(lambda: BLOCK_B not in cluster["a"].routes(), "b's block is withdrawn", within=2)
    assert cluster["rr"].peers()[f"to-{A}"].flaps == 0


def test_a_session_comes_back_after_the_peer_restarts(hosts: Segment, cluster: dict[str, Speaker]) -> None:
    cluster["b"].process.kill()
    cluster["b"].process.wait()
    eventually(lambda: not cluster["rr"].established(2), "the reflector has noticed")
    hosts.start("b", *_command(cluster["b"]), log=cluster["b"].log)
    cluster["b"].wait_established()
    eventually(lambda: BLOCK_B in cluster["a"].routes(), "a has b's block again")
    assert cluster["rr"].peers()[f"to-{B}"].flaps == 1


def test_a_killed_client_that_restarts_gracefully_loses_no_route_anywhere(hosts: Segment) -> None:
    """RFC 4724: the reflector keeps its routes while it is away and withdraws none when it is back."""
    gr = {"restart_time": 60}
    clients = (session(A, RR, rr_client=True, **gr), session(B, RR, rr_client=True, **gr))
    speakers = {
        "rr": hosts.speaker("rr", reflector_plan(sessions=clients)),
        "a": hosts.speaker("a", node_plan(A, BLOCK_A, sessions=(session(RR, A, **gr),))),
        "b": hosts.speaker("b", node_plan(B, BLOCK_B, sessions=(session(RR, B, **gr),))),
    }
    speakers["rr"].wait_established(2)
    eventually(lambda: BLOCK_B in speakers["a"].routes(), "a has b's block")
    changes = speakers["rr"].counters().totals["decision_changes"]
    speakers["b"].process.kill()
    eventually(lambda: not speakers["rr"].established(2), "the reflector has noticed")
    assert BLOCK_B in speakers["a"].routes()
    hosts.start("b", *_command(speakers["b"]), log=speakers["b"].log)
    eventually(lambda: BLOCK_A in _routes_of(speakers["b"]), "b has learned everything again")
    eventually(lambda: speakers["rr"].peers()[f"to-{B}"].stale == 0, "nothing of b is stale any more")
    assert speakers["rr"].counters().totals["decision_changes"] == changes
    assert BLOCK_B in speakers["a"].routes()


def _routes_of(speaker: Speaker) -> set[str]:
    return set(speaker.routes()) if speaker.established() else set()


def _command(speaker: Speaker) -> tuple[str, ...]:
    import sys

    return sys.executable, "-m", "reflector", str(speaker.directory)


def test_a_new_policy_takes_effect_without_a_reset(cluster: dict[str, Speaker]) -> None:
    """Nothing is asked of the peer: neither a new session nor a route refresh."""
    nothing = Policy("nothing", (PolicyRule(Verdict.REJECT, defined_by="maintenance"),))
    sessions = (session(A, RR, rr_client=True, export_policies=("nothing",)), session(B, RR, rr_client=True))
    applied = cluster["rr"].apply(reflector_plan(policies=(nothing,), sessions=sessions))
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    eventually(lambda: BLOCK_B not in cluster["a"].routes(), "a loses b's block")
    cluster["rr"].apply(reflector_plan())
    eventually(lambda: BLOCK_B in cluster["a"].routes(), "a has b's block again")
    assert BLOCK_A in cluster["b"].routes()
    assert {name: peer.flaps for name, peer in cluster["rr"].peers().items()} == {f"to-{A}": 0, f"to-{B}": 0}


def test_an_added_origination_reaches_the_other_client(cluster: dict[str, Speaker]) -> None:
    blocks = (Origination(BLOCK_A, RouteSource.BLOCK), Origination("10.244.7.0/26", RouteSource.BLOCK))
    cluster["a"].apply(node_plan(A, BLOCK_A, originations=blocks))
    eventually(lambda: "10.244.7.0/26" in cluster["b"].routes(), "b has the new block", within=2)
    cluster["a"].apply(node_plan(A, BLOCK_A))
    eventually(lambda: "10.244.7.0/26" not in cluster["b"].routes(), "b has lost it", within=2)


def test_a_session_that_leaves_the_plan_is_closed_and_the_other_stays(cluster: dict[str, Speaker]) -> None:
    applied = cluster["rr"].apply(reflector_plan(sessions=(session(A, RR, rr_client=True),)))
    assert applied.removed == (f"to-{B}",)
    eventually(lambda: BLOCK_B not in cluster["a"].routes(), "b's block is withdrawn")
    status = eventually(lambda: next((p for p in cluster["b"].peers().values() if p.flaps), None), "b is notified")
    assert status.last_error == "peer sent NOTIFICATION: cease (peer deconfigured)"
    assert cluster["rr"].peers()[f"to-{A}"].flaps == 0


def test_a_changed_hold_time_resets_that_session_only(cluster: dict[str, Speaker]) -> None:
    sessions = (session(A, RR, rr_client=True, hold_time=30), session(B, RR, rr_client=True))
    applied = cluster["rr"].apply(reflector_plan(sessions=sessions))
    assert applied.reset == (f"to-{A}",)
    eventually(lambda: cluster["rr"].peers()[f"to-{A}"].hold_time == 30, "a is back with the new hold time")
    assert cluster["rr"].peers()[f"to-{B}"].flaps == 0


def test_a_configuration_that_exabgp_cannot_read_is_refused_and_changes_nothing(cluster: dict[str, Speaker]) -> None:
    with pytest.raises(RefusedError, match=r"exabgp\.conf"):
        cluster["rr"].apply(reflector_plan(sessions=()), conf="neighbor {")
    assert cluster["rr"].established(2)
    assert BLOCK_B in cluster["a"].routes()


def test_a_stopped_speaker_leaves_with_status_zero_and_takes_its_socket_along(cluster: dict[str, Speaker]) -> None:
    cluster["a"].process.terminate()
    assert cluster["a"].process.wait(5) == 0
    assert not (cluster["a"].directory / "speaker.sock").exists()


def test_a_taken_port_ends_the_start_with_one_sentence_and_status_2(hosts: Segment) -> None:
    with hosts.inside("rr"):
        taken = socket.create_server(("", 179))
    try:
        speaker = hosts.speaker("rr", reflector_plan())
        assert speaker.process.wait(10) == 2
    finally:
        taken.close()
    assert "could not listen on 0.0.0.0:179, the port may already be in use" in speaker.log.read_text()


# ------------------------------------------------------------------------------- peers that misbehave


@pytest.fixture
def reflector(hosts: Segment) -> Speaker:
    speaker = hosts.speaker("rr", reflector_plan())
    speaker.wait_listening()
    return speaker


def test_a_stranger_is_reset_and_counted(
    hosts: Segment, reflector: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    hosts.host("unknown", "10.9.0.66/24")
    with pytest.raises(ConnectionResetError):
        raw_peer("unknown", "10.9.0.66", RR).socket.recv(1)
    eventually(lambda: reflector.counters().totals["unknown_peers"] == 1, "the unknown peer is counted")


@pytest.mark.parametrize(
    ("garbage", "answer"),
    [
        (b"\x00" * 64, (1, 1)),
        (b"\xff" * 16 + b"\xff\xff\x02", (1, 2)),
        (b"\xff" * 16 + b"\x00\x13\x09", (1, 3)),
        (b"\xff" * 16 + b"\x00\x17\x02" + b"\xff\xff\x00\x00", (3, 1)),
        (b"\xff" * 16 + b"\x00\x19\x02" + b"\x00\x00\x00\x00" + b"\x21\x0a", (3, 10)),
    ],
    ids=["no marker", "impossible length", "unknown type", "lengths beyond the message", "impossible prefix length"],
)
def test_garbage_costs_the_peer_its_own_session_only(
    hosts: Segment,
    reflector: Speaker,
    raw_peer: Callable[[str, str, str], RawPeer],
    garbage: bytes,
    answer: tuple[int, int],
) -> None:
    """RFC 4271 6.1 and 6.3."""
    b = hosts.speaker("b", node_plan(B, BLOCK_B))
    b.wait_established()
    peer = raw_peer("a", A, RR)
    peer.open(A)
    peer.socket.sendall(garbage)
    assert tuple(peer.receive_until(3)[:2]) == answer
    assert b.peers()[f"to-{RR}"].flaps == 0
    assert reflector.peers()[f"to-{B}"].state == "Established"


def test_a_malformed_attribute_withdraws_the_route_and_keeps_the_session(
    reflector: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 7606 7.1: treat as withdraw."""
    peer = raw_peer("a", A, RR)
    peer.open(A)
    good = bytes.fromhex("40010100 400200 400304") + socket.inet_aton(A) + bytes.fromhex("40050400000064")
    bad = good.replace(bytes.fromhex("40010100"), bytes.fromhex("40010109"))
    nlri = bytes((24, 10, 1, 1))
    peer.send(2, b"\0\0" + len(good).to_bytes(2, "big") + good + nlri)
    eventually(lambda: "10.1.1.0/24" in reflector.routes(), "the good route is there")
    peer.send(2, b"\0\0" + len(bad).to_bytes(2, "big") + bad + nlri)
    eventually(lambda: "10.1.1.0/24" not in reflector.routes(), "the malformed one has withdrawn it")
    assert reflector.peers()[f"to-{A}"].state == "Established"
    assert reflector.counters().totals["treated_as_withdrawn"] == 1


def test_a_silent_peer_is_given_up_when_its_hold_time_is_over(
    reflector: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 4271 6.5, with the shortest hold time there is."""
    peer = raw_peer("a", A, RR)
    peer.open(A, hold_time=3)
    started = time.monotonic()
    assert tuple(peer.receive_until(3)) == (4, 0)
    assert 2.5 < time.monotonic() - started < 5


def test_keepalives_come_three_times_in_a_hold_time(
    reflector: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 4271 4.4."""
    peer = raw_peer("a", A, RR)
    peer.open(A, hold_time=3)
    started = time.monotonic()
    peer.receive_until(4)
    assert time.monotonic() - started < 1.6
    assert reflector.peers()[f"to-{A}"].hold_time == 3


def test_a_second_connection_of_an_established_peer_is_refused(
    reflector: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 4271 6.8: cease, connection collision resolution."""
    raw_peer("a", A, RR).open(A)
    eventually(lambda: reflector.established(1), "the first one is Established")
    second = raw_peer("a", A, RR)
    assert second.receive() == (3, b"\x06\x07")
    assert reflector.peers()[f"to-{A}"].state == "Established"


def test_the_control_socket_is_for_the_speakers_user_and_root_alone(reflector: Speaker) -> None:
    path: Path = reflector.directory / "speaker.sock"
    assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (0o660, 0)


def test_the_speaker_survives_a_frozen_client(cluster: dict[str, Speaker]) -> None:
    """A peer that does not read costs the others nothing."""
    cluster["b"].process.send_signal(signal.SIGSTOP)
    try:
        blocks = tuple(Origination(f"10.245.{i}.0/24", RouteSource.BLOCK) for i in range(200))
        cluster["a"].apply(node_plan(A, BLOCK_A, originations=blocks))
        eventually(lambda: len(cluster["rr"].routes()) == 201, "the reflector has them all")
        assert cluster["rr"].peers()[f"to-{A}"].flaps == 0
    finally:
        cluster["b"].process.send_signal(signal.SIGCONT)
    eventually(lambda: len(cluster["b"].routes()) == 201, "b has caught up")


def test_a_client_that_never_reads_is_cut_off_and_costs_bounded_memory(
    hosts: Segment, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """It is sent routes with other attributes each time, 4 KB each; the other client receives every route."""
    reflector, listener = hosts.speaker("rr", reflector_plan()), hosts.speaker("b", node_plan(B, BLOCK_B))
    reflector.wait_established()
    listener.wait_established()
    deaf = raw_peer("a", A, RR)
    deaf.open(A)
    # What the kernel's buffers hold comes on top.
    messages = (LAG_BOUND + (16 << 20)) // 3700
    communities = bytes.fromhex("d0080e10") + bytes(range(1, 226)) * 16
    head = bytes.fromhex("40010100 400200 400304") + socket.inet_aton(A) + bytes.fromhex("40050400000064 800404")
    for med in range(messages):
        attributes = head + med.to_bytes(4, "big") + communities
        deaf.send(2, b"\0\0" + len(attributes).to_bytes(2, "big") + attributes + bytes((24, 10, 7, med % 100)))
    eventually(lambda: _newest_med(listener) == messages - 1, "the other client has the last route", within=60.0)
    eventually(lambda: reflector.peers()[f"to-{A}"].cut_offs == 1, "the deaf client is cut off")
    totals = reflector.counters().totals
    assert (totals["slow_peers"], reflector.peers()[f"to-{B}"].cut_offs) == (1, 0)
    eventually(lambda: reflector.counters().totals["log_octets"] == 0, "the log is forgotten")
    assert reflector.peers()[f"to-{A}"].state == "Established"


def _newest_med(speaker: Speaker) -> int:
    return max((route.med or 0 for route in speaker.routes().values()), default=0)
