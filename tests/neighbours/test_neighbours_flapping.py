"""Neighbours that go down and come up again and again: nothing is left behind, and nobody else notices.

All daemons flap together, each with its sessions of both families; the tests ask what has become of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from neighbour import Daemon
from segment import eventually
from world import FAMILIES, NUMBER, OF_FAR, US, WITNESS, World, address, prefix

from reflector.plan import Family

pytestmark = pytest.mark.netns

TIMES = 10


@dataclass(frozen=True)
class Held:
    """What the speaker holds: open files, and the totals that say how much is in its tables."""

    files: int
    totals: dict[str, int]


def held(world: World) -> Held:
    files = len(list(Path(f"/proc/{world.us.process.pid}/fd").iterdir()))
    sizes = ("sessions_established", "prefixes", "update_groups", "log_octets", "slow_peers", "strangers")
    totals = world.us.counters().totals
    return Held(files, {name: totals[name] for name in sizes})


@pytest.fixture(scope="module")
def flapped(world: World) -> tuple[Held, Held]:
    """Before and after every session of every daemon has gone down TIMES times."""
    ones = [(kind, family) for kind in world.kinds for family in FAMILIES]
    for family, witness in world.witnesses.items():
        expected = {prefix(family, NUMBER[kind]) for kind in world.kinds}
        eventually(lambda: expected <= set(witness.listen()), "our client has a route of each")  # noqa: B023
    eventually(lambda: world.us.counters().totals["log_octets"] == 0, "all is sent and forgotten")
    before = held(world)
    for time in range(TIMES):
        for kind, family in ones:
            world.daemons[kind].disable(world.peering(kind, family))
        eventually(lambda: all(world.status(*one).flaps == time + 1 for one in ones), "all are down")  # noqa: B023
        for kind, family in ones:
            world.daemons[kind].enable(world.peering(kind, family))
        eventually(lambda: all(world.status(*one).received > 0 for one in ones), "all are back", within=30.0)
    eventually(lambda: world.us.counters().totals["log_octets"] == 0, "all is sent and forgotten")
    return before, held(world)


def test_nothing_is_left_behind(flapped: tuple[Held, Held]) -> None:
    before, after = flapped
    assert after == before


def test_its_session_and_its_route_are_there_once(
    world: World, flapped: tuple[Held, Held], kind: type[Daemon], family: Family
) -> None:
    """RFC 4271 8 and 9: they went with every session and came with the next one."""
    wanted, status = prefix(family, NUMBER[kind]), world.status(kind, family)
    eventually(lambda: wanted in world.witnesses[family].listen(), f"our client has {wanted}")
    (route,) = world.candidates(kind, wanted)
    assert not route.stale
    assert (status.state, status.flaps, status.stale) == ("Established", TIMES, 0)
    assert status.last_error.startswith("peer sent NOTIFICATION: cease")


def test_it_has_our_routes_again(world: World, flapped: tuple[Held, Held], kind: type[Daemon], family: Family) -> None:
    wanted = {prefix(family, US), prefix(family, WITNESS)}
    eventually(lambda: wanted <= set(world.heard(kind, family)), f"{kind.name} has our routes")


def test_our_client_heard_of_routes_only(world: World, flapped: tuple[Held, Held], family: Family) -> None:
    """Its session lives on, and what it was told of ours and its own never changed."""
    client, witness = world.us.peers()[f"to-{address(family, WITNESS)}"], world.witnesses[family]
    witness.listen()
    assert (client.state, client.flaps, client.cut_offs) == ("Established", 0, 0)
    theirs = {prefix(family, NUMBER[kind] + which) for kind in world.kinds for which in (0, OF_FAR)}
    assert set(witness.withdrawn) <= theirs
    assert {witness.told[prefix(family, US)], witness.told[prefix(family, WITNESS)]} == {1}
