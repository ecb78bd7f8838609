"""How a session with every daemon in every role is protected and negotiated: TCP-MD5, GTSM, two-octet AS numbers.

Each fact has a link of its own beside the plain one: a session in each family on addresses of its own.
"""

from __future__ import annotations

import pytest
from frr import Frr
from neighbour import Daemon
from openbgpd import OpenBgpd
from segment import eventually
from world import NUMBER, OF_FAR, PATH_OF_WITNESS, RECORDER, Link, Role, World, prefix

from reflector.plan import Family, Password
from reflector.wire.attributes import AS_TRANS

pytestmark = pytest.mark.netns

KEY = {"password": "correct-horse"}
OUR_KEY = {"password": Password("correct-horse")}
MD5_WE_DIAL = Link("md5, we dial", 1, KEY | {"passive": True}, OUR_KEY)
MD5_THEY_DIAL = Link("md5, they dial", 2, KEY, OUR_KEY | {"passive": True})
MD5_OTHER_KEY = Link("md5, another key", 3, KEY, {"password": Password("battery-staple")})
MD5_NO_KEY = Link("md5, no key of theirs", 4, {}, OUR_KEY)
GTSM_WE_DIAL = Link("gtsm, we dial", 5, {"ttl_security": True, "passive": True}, {"ttl_security": 1})
GTSM_THEY_DIAL = Link("gtsm, they dial", 6, {"ttl_security": True}, {"ttl_security": 1, "passive": True})
GTSM_THEY_ARE_FAR = Link("gtsm, their TTL is low", 7, {}, {"ttl_security": 1, "passive": True})
GTSM_WE_ARE_FAR = Link("gtsm, our TTL is low", 8, {"ttl_security": True, "passive": True}, {})
TWO_OCTETS = Link("two-octet AS numbers", 9, {"four_octet_as": False}, {})
COME_UP = (MD5_WE_DIAL, MD5_THEY_DIAL, GTSM_WE_DIAL, GTSM_THEY_DIAL)
STAY_DOWN = (MD5_OTHER_KEY, MD5_NO_KEY, GTSM_THEY_ARE_FAR, GTSM_WE_ARE_FAR)
LINKS = (*COME_UP, *STAY_DOWN, TWO_OCTETS)
# What a daemon does otherwise in any role, and what inside its own AS only.
DEVIATIONS: dict[tuple[type[Daemon], Link], str] = {
    (OpenBgpd, MD5_WE_DIAL): "OpenBGPD 7.7 on Linux sets no key on the socket that it listens on",
}
DEVIATIONS_INSIDE: dict[tuple[type[Daemon], Link], str] = {
    (OpenBgpd, GTSM_THEY_DIAL): "OpenBGPD sends with a TTL of 255 to eBGP peers only",
    (OpenBgpd, GTSM_WE_ARE_FAR): "OpenBGPD checks the TTL of eBGP peers only",
    (Frr, GTSM_THEY_ARE_FAR): "FRR sends everything in iBGP with a TTL of 255",
}
# Longer than a session takes that comes up.
LONG_ENOUGH = 3.0


def skip_what_deviates(world: World, kind: type[Daemon], link: Link) -> None:
    inside = {} if world.role is Role.EBGP else DEVIATIONS_INSIDE
    reason = (DEVIATIONS | inside).get((kind, link))
    if reason is not None:
        pytest.skip(reason)


def named(link: Link) -> str:
    return link.name


@pytest.mark.parametrize("link", COME_UP, ids=named)
def test_it_comes_up_when_both_ends_ask_for_the_same(
    world: World, kind: type[Daemon], family: Family, link: Link
) -> None:
    """RFC 2385, RFC 5082 3: whoever dials."""
    skip_what_deviates(world, kind, link)
    world.wait_session(kind, family, link)
    assert world.status(kind, family, link).flaps == 0


@pytest.fixture(scope="module")
def waited(worlds: dict[Role, World]) -> None:
    """Everything that comes up has, and then LONG_ENOUGH has passed on every speaker's clock."""
    for world in worlds.values():
        for kind in world.kinds:
            world.wait_session(kind, 4, MD5_THEY_DIAL)
    began = {world: world.us.counters().uptime for world in worlds.values()}
    eventually(
        lambda: all(world.us.counters().uptime > then + LONG_ENOUGH for world, then in began.items()), "time passes"
    )


@pytest.mark.parametrize("link", STAY_DOWN, ids=named)
def test_it_stays_down_when_the_ends_differ(
    waited: None, world: World, kind: type[Daemon], family: Family, link: Link
) -> None:
    """RFC 2385 4.1, RFC 5082 3: segments with a wrong key, with none, or from too far away are not there at all for the
    end that asks for them; the other end may take the session for Established until its hold time is over."""
    skip_what_deviates(world, kind, link)
    if link is not GTSM_THEY_ARE_FAR:
        assert not world.daemons[kind].is_established(world.peering(kind, family, link))
    if link is not GTSM_WE_ARE_FAR:
        status = world.status(kind, family, link)
        assert (status.state == "Established", status.flaps) == (False, 0)


# ------------------------------------------------------------------------------- two-octet AS numbers


@pytest.fixture
def two_octets(world: World, kind: type[Daemon], family: Family) -> World:
    """The daemon's session with us is up, and it has not offered four-octet AS numbers."""
    if "four_octet_as" in kind.lacks:
        pytest.skip(kind.lacks["four_octet_as"])
    if kind is Frr and family == 6:
        pytest.skip("FRR can only withhold all capabilities, and without them there is no IPv6")
    world.wait_session(kind, family, TWO_OCTETS)
    return world


def test_a_four_octet_path_gets_through_to_a_neighbour_of_two_octets(
    two_octets: World, kind: type[Daemon], family: Family
) -> None:
    """RFC 6793 4.2.2: it is sent AS_TRANS, and the numbers beside it in AS4_PATH, which FRR does not read from a peer
    that could have sent them in AS_PATH."""
    wanted = prefix(family, RECORDER)
    route = eventually(lambda: two_octets.received(kind, family, TWO_OCTETS).get(wanted), f"{kind.name} has {wanted}")
    whole = tuple(AS_TRANS if asn > 0xFFFF else asn for asn in PATH_OF_WITNESS)
    assert route.as_path[-len(whole) :] == (whole if kind is Frr else PATH_OF_WITNESS)


@pytest.mark.parametrize("world", [Role.REFLECTOR], indirect=True, ids=str)
def test_a_four_octet_path_comes_through_from_a_neighbour_of_two_octets(
    two_octets: World, kind: type[Daemon], family: Family
) -> None:
    """RFC 6793 4.2.3: put together from AS_PATH and AS4_PATH."""
    wanted = prefix(family, OF_FAR + NUMBER[kind])
    over = f"to-{two_octets.peering(kind, family, TWO_OCTETS).local}"
    paths = eventually(
        lambda: [one.as_path for one in two_octets.explain(wanted).candidates if one.peer == over],
        f"{kind.name} reflects {wanted}",
    )
    assert paths == [" ".join(map(str, PATH_OF_WITNESS))]
