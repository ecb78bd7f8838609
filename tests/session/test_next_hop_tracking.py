"""Next hops and the real kernel: what `ip` changes, the speaker follows at once (RFC 4271 9.1.2)."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from reflector.addresses import pack_address
from reflector.control.client import ControlClient
from reflector.messages import Explain
from reflector.plan import NodePlan
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import HEADER_LENGTH, MAX_LENGTH
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import announcements

pytestmark = pytest.mark.netns

RR, A, B = "10.9.0.9", "10.9.0.1", "10.9.0.2"
POD, OTHER_POD = "10.244.0.0/26", "10.244.1.0/26"
UNRESOLVABLE = "next-hop-unresolvable"
UPDATE = 2
ANSWERS_WITHIN = 0.05


class Reflector:
    """A reflector with an uplink of its own, and two hand-written clients: a sends routes, b receives them."""

    def __init__(self, segment: Segment, connect: Callable[[str, str, str], RawPeer]) -> None:
        self._namespace = segment.namespace("rr")
        for name, address in (("rr", RR), ("a", A), ("b", B)):
            segment.host(name, f"{address}/24")
        self.ip("link add uplink type veth peer name beyond")
        self.ip("addr add 10.50.0.1/24 dev uplink")
        self.ip("link set uplink up")
        self.ip("link set beyond up")
        sessions = tuple(session(peer, RR, rr_client=True, passive=True) for peer in (A, B))
        self.plan = NodePlan(node="rr", router_id=RR, cluster_id="9.9.9.9", listen=LISTEN, sessions=sessions)
        self.speaker: Speaker = segment.speaker("rr", self.plan)
        self._connect = connect
        self.connect()

    def connect(self) -> None:
        self.speaker.wait_listening()
        self.a, self.b = self._connect("a", A, RR), self._connect("b", B, RR)
        for peer, router_id in ((self.a, A), (self.b, B)):
            peer.open(router_id)
        self.speaker.wait_established(2)

    def ip(self, words: str) -> None:
        subprocess.run(["ip", "-n", self._namespace, *words.split()], check=True)

    def announce(self, peer: RawPeer, next_hop: str, *prefixes: str) -> None:
        hop = pack_address(next_hop)
        block = encode_attributes(intern_attributes(next_hop=hop, local_pref=100), four_octet_as=False)
        for message in announcements(4, block, hop, [pack_nlri(prefix) for prefix in prefixes], MAX_LENGTH):
            peer.send(UPDATE, message[HEADER_LENGTH:])

    def until_received(self, prefix: str, *, withdrawn: bool) -> float:
        """When b has received that."""
        nlri = pack_nlri(prefix)
        while True:
            body = self.b.receive_until(UPDATE)
            length = int.from_bytes(body[:2], "big")
            if nlri in (body[2 : 2 + length] if withdrawn else body[2 + length :]):
                return time.monotonic()

    def after(self, words: str, prefix: str, *, withdrawn: bool) -> float:
        """Seconds from the end of the `ip` command until b has received it."""
        self.ip(words)
        done = time.monotonic()
        return self.until_received(prefix, withdrawn=withdrawn) - done

    def verdicts(self, prefix: str = POD) -> dict[str, tuple[str, int]]:
        with ControlClient(self.speaker.directory / "speaker.sock") as client:
            return {each.peer: (each.verdict, each.cost) for each in client.ask(Explain(prefix)).candidates}

    def wait_for(self, **expected: tuple[str, int]) -> None:
        wanted = {f"to-{ {'a': A, 'b': B}[name] }": verdict for name, verdict in expected.items()}
        eventually(lambda: self.verdicts() == wanted, f"{wanted}, not {self.verdicts()}", within=5)


@pytest.fixture
def rr(segment: Segment, raw_peer: Callable[[str, str, str], RawPeer]) -> Reflector:
    return Reflector(segment, raw_peer)


def test_a_link_that_is_set_down_takes_its_routes_along_within_50_ms(rr: Reflector) -> None:
    """RFC 4271 9.1.2.1; the session the routes came on stays."""
    rr.announce(rr.a, "10.50.0.7", POD)
    rr.until_received(POD, withdrawn=False)
    seconds = []
    for _ in range(5):
        seconds.append(rr.after("link set uplink down", POD, withdrawn=True))
        rr.after("link set uplink up", POD, withdrawn=False)
    assert statistics.median(seconds) < ANSWERS_WITHIN, seconds
    assert rr.speaker.peers()[f"to-{A}"].flaps == 0


def test_a_blackhole_on_the_way_takes_the_route_along_within_50_ms(rr: Reflector) -> None:
    """RFC 4271 9.1.2.1."""
    rr.announce(rr.a, "10.50.0.7", POD)
    rr.until_received(POD, withdrawn=False)
    seconds = []
    for _ in range(5):
        seconds.append(rr.after("route add blackhole 10.50.0.7/32", POD, withdrawn=True))
        assert rr.verdicts() == {f"to-{A}": (UNRESOLVABLE, 0)}
        seconds.append(rr.after("route del blackhole 10.50.0.7/32", POD, withdrawn=False))
    assert statistics.median(seconds) < ANSWERS_WITHIN, seconds


def test_the_metric_of_the_way_decides_and_a_new_one_decides_again(rr: Reflector) -> None:
    """RFC 4271 9.1.2.2 e."""
    rr.ip("route add 10.60.0.0/16 via 10.50.0.2 metric 20")
    rr.ip("route add 10.61.0.0/16 via 10.50.0.3 metric 30")
    rr.announce(rr.a, "10.60.0.1", POD)
    rr.announce(rr.b, "10.61.0.1", POD)
    rr.wait_for(a=("best", 20), b=("lost-igp-cost", 30))
    rr.ip("route add 10.61.0.0/16 via 10.50.0.3 metric 10")
    rr.wait_for(a=("lost-igp-cost", 20), b=("best", 10))
    rr.ip("route del 10.61.0.0/16 metric 10")
    rr.wait_for(a=("best", 20), b=("lost-igp-cost", 30))


def test_a_static_route_that_the_kernel_dropped_with_its_link_does_not_come_back_with_it(rr: Reflector) -> None:
    """The kernel does not report that it dropped it."""
    rr.ip("route add 10.60.0.0/16 via 10.50.0.2")
    rr.announce(rr.a, "10.60.0.1", POD)
    rr.wait_for(a=("best", 0))
    rr.ip("link set uplink down")
    rr.wait_for(a=(UNRESOLVABLE, 0))
    rr.ip("link set uplink up")
    rr.announce(rr.a, "10.50.0.7", OTHER_POD)
    eventually(lambda: rr.verdicts(OTHER_POD) == {f"to-{A}": ("best", 0)}, "the link's network is back", within=5)
    assert rr.verdicts() == {f"to-{A}": (UNRESOLVABLE, 0)}
    rr.ip("route add 10.60.0.0/16 via 10.50.0.2")
    rr.wait_for(a=("best", 0))


def test_a_link_that_loses_its_carrier_takes_its_routes_along(rr: Reflector) -> None:
    """RTNH_F_LINKDOWN: the kernel keeps the route, and the far end is gone."""
    rr.announce(rr.a, "10.50.0.7", POD)
    rr.wait_for(a=("best", 0))
    rr.ip("link set beyond down")
    rr.wait_for(a=(UNRESOLVABLE, 0))
    rr.ip("link set beyond up")
    rr.wait_for(a=("best", 0))


def test_the_default_route_resolves_when_a_better_one_is_gone(rr: Reflector) -> None:
    rr.ip("route add 10.60.0.0/16 via 10.50.0.2 metric 20")
    rr.ip("route add default via 10.9.0.254 metric 100")
    rr.announce(rr.a, "10.60.0.1", POD)
    rr.wait_for(a=("best", 20))
    rr.ip("link set uplink down")
    rr.wait_for(a=("best", 100))


def test_routes_of_our_own_protocol_number_resolve_nothing(rr: Reflector) -> None:
    """A BGP route that resolved its own next hop would keep itself alive."""
    rr.ip(f"route add 10.60.0.0/16 via 10.50.0.2 proto {rr.plan.kernel.protocol}")
    rr.announce(rr.a, "10.60.0.1", POD)
    rr.wait_for(a=(UNRESOLVABLE, 0))
    rr.ip("route add 10.60.0.0/16 via 10.50.0.2 metric 5")
    rr.wait_for(a=("best", 5))
    rr.ip("route del 10.60.0.0/16 metric 5")
    rr.wait_for(a=(UNRESOLVABLE, 0))


def test_what_was_there_before_the_speaker_counts_from_the_first_route_on(rr: Reflector) -> None:
    """Nothing is advertised that would be withdrawn as soon as the kernel has been read."""
    rr.ip("route add default via 10.9.0.254 metric 20")
    rr.ip("route add blackhole 10.70.0.0/16")
    rr.speaker.process.kill()
    rr.speaker.process.wait()
    rr.speaker.restart()
    rr.connect()
    rr.announce(rr.a, "10.70.0.1", POD)
    rr.announce(rr.a, "10.60.0.1", OTHER_POD)
    rr.until_received(OTHER_POD, withdrawn=False)
    assert rr.verdicts() == {f"to-{A}": (UNRESOLVABLE, 0)}
    assert rr.verdicts(OTHER_POD) == {f"to-{A}": ("best", 20)}
    totals = rr.speaker.counters().totals
    assert (totals["decision_changes"], totals["kernel_unwatched"]) == (1, 0)
    assert (totals["next_hops"], totals["next_hops_unresolvable"]) == (2, 1)


def test_a_plan_that_does_not_resolve_uses_every_route_until_the_next_one_does(rr: Reflector) -> None:
    rr.announce(rr.a, "10.70.0.1", POD)
    rr.wait_for(a=(UNRESOLVABLE, 0))
    rr.speaker.apply(msgspec.structs.replace(rr.plan, resolve_next_hops=False))
    rr.wait_for(a=("best", 0))
    rr.speaker.apply(rr.plan)
    rr.wait_for(a=(UNRESOLVABLE, 0))


def test_a_burst_of_route_changes_ends_as_the_kernel_does(rr: Reflector, tmp_path: Path) -> None:
    rr.announce(rr.a, "10.50.0.7", POD)
    rr.until_received(POD, withdrawn=False)
    routes = [f"100.{third >> 8}.{third & 255}.0/24" for third in range(10_000)]
    batch = tmp_path / "batch"
    batch.write_text("".join(f"route {verb} blackhole {route}\n" for verb in ("add", "del") for route in routes))
    rr.ip(f"-batch {batch}")
    assert rr.after("route add blackhole 10.50.0.0/28", POD, withdrawn=True) < 10
