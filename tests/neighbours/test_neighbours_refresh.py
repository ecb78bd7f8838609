"""Route refresh: every daemon in every role asks for everything again or sends it again, and nothing else happens."""

from __future__ import annotations

import pytest
from neighbour import Daemon
from openbgpd import OpenBgpd
from segment import eventually
from world import NUMBER, PLAIN, RECORDER, US, Adjacency, Link, Role, World, prefix

from reflector.messages import PeerStatus
from reflector.plan import Family, LimitAction, MaximumPrefixes

pytestmark = pytest.mark.netns

FULL = Link("no room", 1, {}, {"maximum_prefixes": MaximumPrefixes(1, LimitAction.DROP)})
ROOMY = Link("room again", 1, {}, {"maximum_prefixes": MaximumPrefixes(100, LimitAction.DROP)})
LINKS = (FULL,)
ANOTHER = 200
# In the other roles it would advertise to us over one link what it has received over the other one, which counts as
# well.
ADVERTISES_ITS_OWN = (Role.CLIENT, Role.NON_CLIENT)


def test_it_asks_for_everything_again_and_gets_it(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 2918 4, RFC 7313 4: all routes come again, none leaves by it, and no session flaps. The probe is sent after
    the refresh, so that a daemon that has it has read everything before it."""
    if "refresh" in kind.lacks:
        pytest.skip(kind.lacks["refresh"])
    wanted, probe = {prefix(family, US), prefix(family, RECORDER)}, prefix(family, 3)
    eventually(lambda: wanted <= set(world.received(kind, family)), f"{kind.name} has our routes")
    before, sent = world.received(kind, family), world.status(kind, family).updates_out
    world.daemons[kind].refresh(world.peering(kind, family))
    eventually(lambda: world.status(kind, family).updates_out >= sent + len(before), "all of them were sent again")
    world.recorders[family].announce(probe)
    eventually(lambda: probe in world.received(kind, family), f"{kind.name} has read all of it")
    after = world.received(kind, family)
    world.recorders[family].withdraw(probe)
    # What another daemon has advertised only now is advertised to it as well.
    assert {wanted: route for wanted, route in after.items() if wanted in before} == before
    assert world.status(kind, family).flaps == 0
    eventually(lambda: probe not in world.received(kind, family), "the probe has left")


def test_what_it_sends_again_unasked_is_told_to_nobody(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4271 9.1: the same route once more changes nothing."""
    if "resend" in kind.lacks:
        pytest.skip(kind.lacks["resend"])
    wanted, recorder = prefix(family, NUMBER[kind]), world.recorders[family]
    eventually(lambda: wanted in recorder.listen(), f"our client has {wanted}")
    advertised, received = dict(recorder.advertised), world.status(kind, family).updates_in
    changes = world.us.counters().totals["decision_changes"]
    world.daemons[kind].resend(world.peering(kind, family))
    eventually(lambda: world.status(kind, family).updates_in > received, f"{kind.name} has readvertised its route")
    assert world.us.counters().totals["decision_changes"] == changes
    recorder.listen()
    assert (recorder.advertised, recorder.withdrawn.count(wanted)) == (advertised, 0)


@pytest.fixture(scope="module")
def asked(worlds: dict[Role, World]) -> None:
    """Every daemon announces more than its link has room for; then there is room."""
    everybody = [one for role in ADVERTISES_ITS_OWN for one in worlds[role].adjacencies()]
    for one in everybody:
        one.daemon.announce(prefix(one.family, ANOTHER + NUMBER[one.kind]))
    for one in everybody:
        status = eventually(lambda: has_dropped(one), f"what {one} announces is left out")  # noqa: B023
        assert status.received == 1
    for role in ADVERTISES_ITS_OWN:
        worlds[role].links = (PLAIN, ROOMY)
        worlds[role].apply(worlds[role].plan())


def has_dropped(one: Adjacency) -> PeerStatus | None:
    status = one.world.status(one.kind, one.family, FULL)
    return status if status.prefixes_dropped else None


@pytest.mark.parametrize("world", ADVERTISES_ITS_OWN, indirect=True, ids=str)
def test_what_we_left_out_comes_when_we_ask_for_everything_again(asked: None, one: Adjacency) -> None:
    """RFC 2918 4: what was dropped beyond the peer's maximum comes in the answer, on the same session."""
    if one.kind is OpenBgpd:
        pytest.skip("OpenBGPD 7.7 counts a ROUTE-REFRESH and, left alone, sends nothing again")
    over = f"to-{one.world.peering(one.kind, one.family, ROOMY).local}"
    for number in (NUMBER[one.kind], ANOTHER + NUMBER[one.kind]):
        wanted = prefix(one.family, number)
        eventually(
            lambda: over in {each.peer for each in one.world.explain(wanted).candidates},  # noqa: B023
            f"{one} has sent {wanted} again",
        )
    status = one.world.status(one.kind, one.family, ROOMY)
    assert (status.state, status.flaps) == ("Established", 0)
