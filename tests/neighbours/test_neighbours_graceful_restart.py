"""Graceful restart with every daemon in every role: one side is killed and comes back, and no route is lost.

The restarts cost seconds, so all daemons go through one together; the tests ask each of them what it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from neighbour import Daemon
from openbgpd import OpenBgpd
from segment import eventually
from world import FAMILIES, NUMBER, US, WITNESS, World, prefix

from reflector.messages import PeerStatus
from reflector.plan import Family

pytestmark = pytest.mark.netns

# We originate it until we are killed, and no more when we are back.
GONE = 2
One = tuple[type[Daemon], Family]


# --------------------------------------------------------------------------------------- we restart


@dataclass
class OurRestart:
    """By daemon and family: the prefixes of ours that were stale while we were away, those that were missing at any
    time, and what there is at the end."""

    stale: dict[One, set[str]] = field(default_factory=dict)
    missed: dict[One, set[str]] = field(default_factory=dict)
    at_the_end: dict[One, set[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def our_restart(world: World) -> OurRestart:
    """Killed, with no NOTIFICATION, and started again with one route less."""
    seen, ones = OurRestart(), [(kind, family) for kind in world.kinds for family in FAMILIES]
    world.apply(world.plan(numbers=(US, GONE)))
    for kind, family in ones:
        known = {prefix(family, number) for number in (US, GONE, WITNESS)}
        eventually(lambda: known <= set(world.heard(kind, family)), f"{kind.name} has all of {known}")  # noqa: B023
    world.us.process.kill()
    world.us.process.wait()
    for kind, family in ones:
        daemon, peering = world.daemons[kind], world.peering(kind, family)
        eventually(lambda: not daemon.is_established(peering), f"{kind.name} has noticed")  # noqa: B023
        seen.stale[kind, family] = {known for known, route in world.heard(kind, family).items() if route.stale}
        seen.missed[kind, family] = set()
    world.write(world.plan())
    world.us.restart()
    world.us.wait_listening()
    world.meet_witnesses()
    eventually(lambda: not [one for one in ones if not is_whole(world, seen, one)], "all is fresh", within=30.0)
    return seen


def is_whole(world: World, seen: OurRestart, one: One) -> bool:
    """One look at what a daemon has of us: all of it, nothing that is stale, and not what is gone."""
    kind, family = one
    heard = world.heard(kind, family)
    seen.missed[one] |= {prefix(family, US), prefix(family, WITNESS)} - set(heard)
    seen.at_the_end[one] = set(heard)
    is_fresh = not any(route.stale for route in heard.values()) and prefix(family, GONE) not in heard
    return is_fresh and world.daemons[kind].is_established(world.peering(kind, family))


def test_it_keeps_our_routes_while_we_are_away(
    world: World, our_restart: OurRestart, kind: type[Daemon], family: Family
) -> None:
    """RFC 4724 4.2: it marks them as stale and goes on using them."""
    kept = {prefix(family, number) for number in (US, GONE, WITNESS)}
    assert our_restart.missed[kind, family] == set()
    assert our_restart.stale[kind, family] >= (kept if kind.shows_stale else set())


def test_our_end_of_rib_makes_them_fresh(
    world: World, our_restart: OurRestart, kind: type[Daemon], family: Family
) -> None:
    """RFC 4724 4.2: what we have not sent again is removed with our End-of-RIB, and only that."""
    at_the_end = our_restart.at_the_end[kind, family]
    assert {prefix(family, US), prefix(family, WITNESS)} <= at_the_end
    assert prefix(family, GONE) not in at_the_end


# ------------------------------------------------------------------------------------- they restart


@dataclass
class TheirRestart:
    """By daemon and family: our view of the session while the daemon was away; in each family what our client was told
    to withdraw by the time all were back, and how often each prefix was announced to it."""

    away: dict[One, PeerStatus]
    withdrawn: dict[Family, list[str]]
    told: dict[Family, dict[str, int]]


@pytest.fixture(scope="module")
def their_restart(world: World, our_restart: OurRestart) -> TheirRestart:
    """All daemons killed and started again, after our own restart."""
    ones = [(kind, family) for kind in world.kinds for family in FAMILIES]
    for witness in world.witnesses.values():
        expected = {prefix(witness.family, NUMBER[kind]) for kind in world.kinds}
        eventually(lambda: expected <= set(witness.listen()), "our client has a route of each")  # noqa: B023
        witness.withdrawn.clear()
        witness.told.clear()
    for daemon in world.daemons.values():
        daemon.kill()
    eventually(lambda: not any(world.status(*one).state == "Established" for one in ones), "we have noticed")
    away = {one: world.status(*one) for one in ones}
    for daemon in world.daemons.values():
        daemon.restart()
    world.wait_established()
    world.meet_far()
    for one in ones:
        eventually(lambda: world.status(*one).received > 0, f"{one} has sent its routes")  # noqa: B023
        eventually(lambda: world.status(*one).stale == 0, f"nothing of {one} is stale")  # noqa: B023
    for witness in world.witnesses.values():
        witness.listen()
    return TheirRestart(
        away,
        {family: witness.withdrawn for family, witness in world.witnesses.items()},
        {family: witness.told for family, witness in world.witnesses.items()},
    )


def test_we_keep_its_routes_while_it_is_away(
    world: World, their_restart: TheirRestart, kind: type[Daemon], family: Family
) -> None:
    """RFC 4724 4.2: they are stale, and nobody hears of that."""
    if "restart_time" in kind.lacks:
        pytest.skip(kind.lacks["restart_time"])
    status, wanted = their_restart.away[kind, family], prefix(family, NUMBER[kind])
    assert status.stale == status.received > 0
    assert wanted not in their_restart.withdrawn[family]
    assert wanted not in their_restart.told[family]


def test_its_routes_are_fresh_when_it_is_back(
    world: World, their_restart: TheirRestart, kind: type[Daemon], family: Family
) -> None:
    """RFC 4724 4.2, with its End-of-RIB."""
    wanted = prefix(family, NUMBER[kind])
    (route,) = world.candidates(kind, wanted)
    assert not route.stale
    assert wanted in world.witnesses[family].listen()
    assert world.status(kind, family).flaps == 1


@pytest.mark.parametrize("kind", [OpenBgpd], indirect=True, ids=lambda kind: kind.name)
def test_a_daemon_that_does_not_restart_gracefully_loses_its_routes_with_its_session(
    world: World, their_restart: TheirRestart, kind: type[Daemon], family: Family
) -> None:
    """RFC 4724 3: the capability of OpenBGPD names no family, it is there for the sake of End-of-RIBs."""
    assert (their_restart.away[kind, family].stale, their_restart.away[kind, family].received) == (0, 0)
    assert prefix(family, NUMBER[kind]) in their_restart.withdrawn[family]


def test_our_client_stays_up(world: World, their_restart: TheirRestart) -> None:
    for peer in world.us.peers().values():
        assert peer.flaps == (0 if peer.rr_client and peer.peer_address.endswith(str(WITNESS)) else 1)
