"""Several paths of a prefix between us and every neighbour that has agreed to them (RFC 7911), in every role.

`left` and `right` announce one prefix to us as our clients, and another one to each daemon as eBGP peers of its own: so
in any role there are two paths to advertise, distinguished by the AS that each begins with.
"""

from __future__ import annotations

from typing import ClassVar

import pytest
from neighbour import Daemon, Peering
from recording_peer import RecordingPeer
from segment import eventually
from world import FAMILIES, NUMBER, RECORDER, US, Adjacency, Link, World, address, prefix

from reflector.plan import Family

pytestmark = pytest.mark.netns

ADD_PATH = Link("add-path", 1, {"add_path": True}, {"add_path": True})
LINKS = (ADD_PATH,)
SIDES = {"left": 40, "right": 41}
AS_OF_SIDE = {"left": 65140, "right": 65141}
BOTH = set(AS_OF_SIDE.values())
TO_US, TO_DAEMON = 60, 70


class TwoSided(World):
    """`to_us` and `to_daemon` are the sessions of the two sides."""

    hosts: ClassVar[dict[str, int]] = World.hosts | SIDES
    clients: ClassVar[tuple[int, ...]] = (RECORDER, *SIDES.values())

    def others(self, kind: type[Daemon], family: Family) -> list[Peering]:
        local = self.peering(kind, family).local
        sides = [Peering(local, address(family, SIDES[side]), AS_OF_SIDE[side]) for side in SIDES]
        return super().others(kind, family) + sides

    def meet(self) -> None:
        super().meet()
        self.to_us: dict[tuple[str, Family], RecordingPeer] = {}
        self.to_daemon: dict[tuple[str, type[Daemon], Family], RecordingPeer] = {}
        for family in FAMILIES:
            for side in SIDES:
                peer = self.to_us[side, family] = self.meet_peer(side, family, US)
                self._advertise(peer, side, prefix(family, TO_US))
                for kind in self.kinds:
                    peer = self.meet_peer(side, family, NUMBER[kind], AS_OF_SIDE[side])
                    self.to_daemon[side, kind, family] = peer
                    self._advertise(peer, side, prefix(family, TO_DAEMON + NUMBER[kind]))

    def _advertise(self, peer: RecordingPeer, side: str, wanted: str) -> None:
        """With an End-of-RIB: as long as FRR waits for it, it gives all its paths the same identifier."""
        peer.announce(wanted, as_path=(AS_OF_SIDE[side],))
        peer.end_of_rib()


ITS_WORLD = TwoSided


def origins_sent(one: Adjacency) -> list[int]:
    """By whose ASes it has the prefix from us, each time that it has it."""
    paths = one.daemon.paths(one.world.peering(one.kind, one.family, ADD_PATH))
    return sorted(route.as_path[-1] for known, route in paths if known == prefix(one.family, TO_US))


def origins_received(one: Adjacency) -> list[int]:
    """The same for what we have from it."""
    over = f"to-{address(one.family, NUMBER[one.kind], ADD_PATH.number)}"
    found = one.world.explain(prefix(one.family, TO_DAEMON + NUMBER[one.kind])).candidates
    return sorted(int(candidate.as_path.split()[-1]) for candidate in found if candidate.peer == over)


def test_both_paths_arrive_from_it(one: Adjacency) -> None:
    """RFC 7911 3: each under an identifier of its own."""
    eventually(lambda: origins_received(one) == sorted(BOTH), f"we have both paths of {one}")
    over = f"to-{address(one.family, NUMBER[one.kind], ADD_PATH.number)}"
    found = one.world.explain(prefix(one.family, TO_DAEMON + NUMBER[one.kind])).candidates
    assert len({candidate.path_id for candidate in found if candidate.peer == over}) == 2


def test_one_of_its_paths_is_withdrawn_and_comes_back(world: TwoSided, one: Adjacency) -> None:
    """RFC 7911 2 and 3: the identifier names the path."""
    eventually(lambda: origins_received(one) == sorted(BOTH), f"we have both paths of {one}")
    wanted, left = prefix(one.family, TO_DAEMON + NUMBER[one.kind]), world.to_daemon["left", one.kind, one.family]
    left.withdraw(wanted)
    eventually(lambda: origins_received(one) == [AS_OF_SIDE["right"]], "the other one is left")
    left.announce(wanted, as_path=(AS_OF_SIDE["left"],))
    eventually(lambda: origins_received(one) == sorted(BOTH), "both are there again")


def test_both_paths_arrive_at_it(one: Adjacency) -> None:
    eventually(lambda: origins_sent(one) == sorted(BOTH), f"{one} has both paths from us")


def test_one_of_our_paths_is_withdrawn_and_comes_back(world: TwoSided, one: Adjacency) -> None:
    eventually(lambda: origins_sent(one) == sorted(BOTH), f"{one} has both paths from us")
    wanted, left = prefix(one.family, TO_US), world.to_us["left", one.family]
    left.withdraw(wanted)
    eventually(lambda: origins_sent(one) == [AS_OF_SIDE["right"]], "the other one is left")
    left.announce(wanted, as_path=(AS_OF_SIDE["left"],))
    eventually(lambda: origins_sent(one) == sorted(BOTH), "both are there again")


def test_who_has_not_agreed_is_told_one_path(one: Adjacency) -> None:
    """RFC 7911 4: over the plain link, of the same prefix."""
    paths = eventually(
        lambda: [route for known, route in one.daemon.paths(one.peering) if known == prefix(one.family, TO_US)],
        f"{one} has the prefix",
    )
    assert len(paths) == 1
