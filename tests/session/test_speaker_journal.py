"""A journal of a real speaker: replayed elsewhere, it has the routes that the speaker has."""

from __future__ import annotations

from pathlib import Path

import pytest
from segment import LISTEN, Segment, Speaker, eventually, session

from reflector.control.client import ControlClient
from reflector.engine import Engine
from reflector.journal.journal_format import read_journal
from reflector.journal.replay import replay
from reflector.messages import Originate, RouteStatus, ShowJournal, ShowRoutes, StartJournal, StopJournal
from reflector.plan import NodePlan, Origination, Password, Policy, PolicyRule, RouteSource, Verdict
from reflector.show.incremental import complete_now
from reflector.show.key_order import KeyOrders
from reflector.show.route_pages import route_page

pytestmark = pytest.mark.netns

RR, A, B = "10.9.0.9", "10.9.0.1", "10.9.0.2"
BLOCK_A, BLOCK_B = "10.244.0.0/26", "10.244.1.0/26"
SECRET = Password("rosebud-17")


@pytest.fixture
def hosts(segment: Segment) -> Segment:
    for name, address in (("rr", RR), ("a", A), ("b", B)):
        segment.host(name, f"{address}/24")
    return segment


def reflector_plan(*policies: Policy) -> NodePlan:
    names = tuple(policy.name for policy in policies)
    sessions = (
        session(A, RR, rr_client=True, password=SECRET, import_policies=names),
        session(B, RR, rr_client=True, restart_time=60),
    )
    return NodePlan(node="rr", router_id=RR, cluster_id="9.9.9.9", listen=LISTEN, sessions=sessions, policies=policies)


def node_plan(address: str, block: str, **changes: object) -> NodePlan:
    originations = (Origination(block, RouteSource.BLOCK),)
    one = session(RR, address, **changes)
    return NodePlan(node=address, router_id=address, listen=LISTEN, sessions=(one,), originations=originations)


def speakers(hosts: Segment) -> dict[str, Speaker]:
    started = {
        "rr": hosts.speaker("rr", reflector_plan()),
        "a": hosts.speaker("a", node_plan(A, BLOCK_A, password=SECRET)),
        "b": hosts.speaker("b", node_plan(B, BLOCK_B, restart_time=60)),
    }
    started["rr"].wait_established(2)
    eventually(lambda: BLOCK_B in started["a"].routes(), "a has b's block")
    return started


def live(cluster: dict[str, Speaker]) -> None:
    """A policy comes, a set of originations comes, a client is killed and is away."""
    refuse = Policy("refuse", (PolicyRule(Verdict.REJECT, defined_by="maintenance"),))
    cluster["rr"].apply(reflector_plan(refuse))
    with ControlClient(cluster["rr"].directory / "speaker.sock") as client:
        client.ask(Originate("services", (Origination("10.96.0.0/16", RouteSource.SERVICE),)))
    cluster["b"].process.kill()
    eventually(lambda: cluster["rr"].peers()[f"to-{B}"].stale == 1, "b's block is stale")


def replayed(speaker: Speaker) -> Engine:
    return replay(read_journal([(speaker.directory / "journal").read_bytes()]))


def loc_rib(engine: Engine) -> dict[str, RouteStatus]:
    page = complete_now(route_page(engine, ShowRoutes(), KeyOrders()))
    return {route.prefix: route for route in page.routes}


def assert_replayed(cluster: dict[str, Speaker]) -> None:
    speaker = cluster["rr"]
    shown, peers = speaker.routes(), speaker.peers()
    with ControlClient(speaker.directory / "speaker.sock") as client:
        stopped = client.ask(StopJournal())
    engine = replayed(speaker)
    assert not stopped.is_recording
    assert loc_rib(engine) == shown
    assert set(shown) == {BLOCK_B, "10.96.0.0/16"}
    assert {name: peer.received for name, peer in peers.items()} == {
        name: sum(len(rib.routes) for rib in peer.adj_rib_in.values()) for name, peer in engine.peers.items()
    }
    assert engine.peers[f"to-{B}"].is_stale
    journal: Path = speaker.directory / "journal"
    assert SECRET.secret.encode() not in journal.read_bytes()
    assert journal.stat().st_mode & 0o777 == 0o600


def test_a_journal_begun_at_the_start_of_the_speaker(hosts: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BGPCTL_JOURNAL", "on")
    cluster = speakers(hosts)
    live(cluster)
    assert_replayed(cluster)


def test_a_journal_begun_later(hosts: Segment) -> None:
    cluster = speakers(hosts)
    with ControlClient(cluster["rr"].directory / "speaker.sock") as client:
        assert client.ask(StartJournal()).is_recording
    live(cluster)
    assert_replayed(cluster)


def test_a_killed_speaker_leaves_a_journal_up_to_its_last_turn(hosts: Segment) -> None:
    cluster = speakers(hosts)
    with ControlClient(cluster["rr"].directory / "speaker.sock") as client:
        client.ask(StartJournal())
    cluster["a"].apply(node_plan(A, "10.244.7.0/26", password=SECRET))
    eventually(lambda: "10.244.7.0/26" in cluster["rr"].routes(), "the reflector has a's new block")
    cluster["rr"].process.kill()
    cluster["rr"].process.wait()
    assert set(loc_rib(replayed(cluster["rr"]))) == {BLOCK_B, "10.244.7.0/26"}
    cluster["rr"].restart()
    cluster["rr"].wait_listening()
    with ControlClient(cluster["rr"].directory / "speaker.sock") as client:
        assert not client.ask(ShowJournal()).is_recording
