"""Martians are refused from every peer, with a verdict of their own, unless its session allows them."""

from __future__ import annotations

import pytest
from shown import explain
from speaker_makers import Router, a_client, a_plan, an_ebgp_peer, announce, withdraw

from reflector.plan import NodePlan
from reflector.verdict import RouteVerdict

REFUSED = (
    "0.0.0.0/8",
    "0.1.2.3/32",
    "127.0.0.0/8",
    "127.0.0.1/32",
    "169.254.0.0/16",
    "169.254.169.254/32",
    "224.0.0.0/4",
    "239.255.255.250/32",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "::ffff:10.0.0.1/128",
    "fe80::/10",
    "fe80::1/128",
    "febf:ffff::/32",
    "ff00::/8",
    "ff02::1/128",
)
TAKEN = (
    "0.0.0.0/0",
    "0.0.0.0/7",
    "126.0.0.0/7",
    "128.0.0.0/1",
    "169.0.0.0/8",
    "169.255.0.0/16",
    "192.0.0.0/2",
    "192.0.0.0/3",
    "223.255.255.0/24",
    "::/0",
    "::/8",
    "::2/128",
    "::fffe:0:0/96",
    "fe00::/8",
    "fec0::/10",
    "fd00::/8",
    "2001:db8::/32",
)


def plan(**changes: object) -> NodePlan:
    return a_plan(an_ebgp_peer("a", "10.0.0.1", **changes), a_client("c", "10.0.0.3"))


def a_router(*, add_path: bool = False, **changes: object) -> Router:
    router = Router(plan(**changes))
    router.up("a", add_path_receive=frozenset((4, 6) if add_path else ()), hold_time=0)
    router.up("c", hold_time=0)
    return router


def verdict(router: Router, prefix: str) -> tuple[str, str]:
    (candidate,) = explain(router.engine, prefix).candidates
    return candidate.verdict, candidate.rule


@pytest.mark.parametrize("add_path", [False, True], ids=["", "add-path"])
@pytest.mark.parametrize("prefix", REFUSED)
def test_a_martian_is_refused(prefix: str, add_path: bool) -> None:
    router = a_router(add_path=add_path)
    router.receive("a", announce(prefix, as_path=(65001,), path_id=7 if add_path else None))
    assert router.advertised("c") == set()
    assert verdict(router, prefix)[0] == RouteVerdict.MARTIAN
    assert router.engine.ribs[4].table == router.engine.ribs[6].table == {}
    router.receive("a", withdraw(prefix, path_id=7 if add_path else None))
    assert explain(router.engine, prefix).candidates == ()


@pytest.mark.parametrize("prefix", TAKEN)
def test_what_covers_a_martian_or_stands_beside_it_is_taken(prefix: str) -> None:
    router = a_router()
    router.receive("a", announce(prefix, as_path=(65001,)))
    assert verdict(router, prefix)[0] == RouteVerdict.BEST


def test_others_of_the_same_update_are_taken() -> None:
    router = a_router()
    router.receive("a", announce("10.1.0.0/26", "127.0.0.0/8", "10.2.0.0/26", as_path=(65001,)))
    assert router.advertised("c") == {"10.1.0.0/26", "10.2.0.0/26"}


@pytest.mark.parametrize("prefixes", [("127.0.0.0/8", "0.0.0.0/0"), ("0.0.0.0/0", "127.0.0.0/8"), ("ff00::/8", "::/0")])
def test_a_default_route_beside_a_martian_is_taken(prefixes: tuple[str, ...]) -> None:
    router = a_router()
    router.receive("a", announce(*prefixes, as_path=(65001,)))
    assert router.advertised("c") == {prefix for prefix in prefixes if prefix.endswith("/0")}


def test_an_internal_peer_is_no_exception() -> None:
    router = a_router()
    router.receive("c", announce("127.0.0.0/8"))
    assert verdict(router, "127.0.0.0/8") == (RouteVerdict.MARTIAN, "127.0.0.0/8")


def test_a_session_may_allow_networks_by_name() -> None:
    router = a_router(allow_martians=("169.254.1.0/24",))
    router.receive("a", announce("169.254.1.1/32", "169.254.2.1/32", "169.254.0.0/16", as_path=(65001,)))
    assert router.advertised("c") == {"169.254.1.1/32"}


def test_the_setting_applies_to_what_was_received_before() -> None:
    router = a_router()
    router.receive("a", announce("169.254.1.1/32", "10.1.0.0/26", as_path=(65001,)))
    router.apply(plan(allow_martians=("169.254.0.0/16",)))
    assert router.advertised("c") == {"169.254.1.1/32", "10.1.0.0/26"}
    router.apply(plan())
    assert router.advertised("c") == {"10.1.0.0/26"}
    router.receive("a", announce("10.3.0.0/26", as_path=(65001,)))
    assert router.advertised("c") == {"10.1.0.0/26", "10.3.0.0/26"}, "the same attributes are no martian elsewhere"


def test_a_route_that_becomes_a_martian_is_withdrawn() -> None:
    router = a_router(allow_martians=("127.0.0.0/8",))
    router.receive("a", announce("127.1.0.0/16", as_path=(65001,)))
    router.apply(plan())
    router.receive("a", announce("127.1.0.0/16", as_path=(65001,), med=3))
    assert router.advertised("c") == set()


@pytest.mark.parametrize("name", ["a", "c"])
def test_an_address_of_this_node_is_routed_nowhere_else(name: str) -> None:
    router = Router(
        a_plan(
            an_ebgp_peer("a", "10.0.0.1", local_address="10.0.0.99"), a_client("c", "fd00::3", local_address="fd00::99")
        )
    )
    for each in ("a", "c"):
        router.up(each, "10.0.0.9", hold_time=0)
    path = (65001,) if name == "a" else ()
    router.receive(name, announce("10.0.0.100/32", "10.0.0.99/32", "10.0.0.0/24", "10.0.0.98/32", as_path=path))
    router.receive(name, announce("fd00::99/128", "fd00::/64", as_path=path))
    for own in ("10.0.0.100", "10.0.0.99"):
        assert verdict(router, f"{own}/32") == (RouteVerdict.OWN_ADDRESS, own)
    assert verdict(router, "fd00::99/128") == (RouteVerdict.OWN_ADDRESS, "fd00::99")
    assert set(router.selected(4)) == {"10.0.0.0/24", "10.0.0.98/32"}
    assert set(router.selected(6)) == {"fd00::/64"}
