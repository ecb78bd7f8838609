"""Pasted output of birdc: of both BIRDs, in the forms in which it comes out of terminals, and when it is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bgpctl.comparison.pasted import PastedError
from bgpctl.comparison.show_route import BirdRoute, Way, read_show_route

PASTED = Path(__file__).parent / "pasted"
ONE, ONE_ALL = (PASTED / f"bird1-n2-show-route{each}.txt" for each in ("", "-all"))
TWO, TWO_ALL = (PASTED / f"bird2-n2-show-route{each}.txt" for each in ("", "-all"))
FILES = pytest.mark.parametrize("file", [ONE, ONE_ALL, TWO, TWO_ALL], ids=lambda file: file.stem)


def used(file: Path) -> dict[str, BirdRoute]:
    return {each.prefix: each for each in read_show_route(file.read_text()) if each.is_used}


def error(text: str) -> tuple[int, str]:
    with pytest.raises(PastedError) as caught:
        read_show_route(text)
    return caught.value.line, caught.value.message


def line_of_error(text: str) -> int | None:
    """None where it is read; of each route the peer is asked for, too."""
    try:
        assert all(isinstance(each.peer, str) for each in read_show_route(text))
    except PastedError as error:
        return error.line
    return None


# ------------------------------------------------------------------------------------------ what it says


def test_every_route_of_bird_1_is_read() -> None:
    found = read_show_route(ONE.read_text())
    assert len(found) == 19
    assert [each.prefix for each in found if not each.is_used] == ["0.0.0.0/0"] * 2 + ["10.96.0.0/12"] * 2 + [
        "192.0.2.0/24"
    ]
    table = used(ONE)
    assert table["10.244.3.0/26"] == BirdRoute(
        "10.244.3.0/26",
        "unicast",
        "Mesh_10_4_0_3",
        18,
        (Way("10.3.0.100", "eth0"),),
        sender="10.4.0.3",
        is_used=True,
        shows_origin=True,
    )
    assert (table["10.244.2.0/26"].kind, table["10.244.2.2/32"].ways) == ("blackhole", (Way("", "cali01"),))
    (unreachable,) = (each for each in found if each.kind == "unreachable")
    assert (unreachable.protocol, unreachable.peer, unreachable.is_used) == ("Global_10_3_0_254", "10.3.0.254", False)


def test_every_route_of_bird_2_is_read() -> None:
    table = used(TWO)
    assert {prefix: (each.kind, each.protocol, each.gateways) for prefix, each in table.items()} == {
        "10.244.1.0/26": ("unicast", "Mesh_10_3_0_1", ("10.3.0.1",)),
        "10.3.0.0/24": ("unicast", "direct1", ()),
        "10.244.3.0/26": ("unicast", "Mesh_10_3_0_3", ("10.3.0.3",)),
        "10.244.2.0/26": ("blackhole", "blocks", ()),
        "169.254.1.1/32": ("unicast", "direct1", ()),
        "10.244.4.0/26": ("unicast", "Mesh_10_3_0_4", ("10.3.0.4",)),
    }


@pytest.mark.parametrize(("short", "whole"), [(ONE, ONE_ALL), (TWO, TWO_ALL)], ids=["BIRD 1.6", "BIRD 2"])
def test_with_all_the_same_routes_have_next_hop_and_local_pref(short: Path, whole: Path) -> None:
    bare, full = used(short), used(whole)
    assert bare.keys() == full.keys()
    for prefix, route in full.items():
        assert (route.kind, route.protocol, route.ways) == (bare[prefix].kind, bare[prefix].protocol, bare[prefix].ways)
        assert bool(route.next_hop) == route.is_by_bgp
    assert {each.local_pref for each in full.values() if each.protocol.startswith("Mesh")} == {2147482623}


def test_the_next_hop_is_bgps_and_not_the_gateway() -> None:
    assert (used(ONE_ALL)["10.244.3.0/26"].next_hop, used(ONE_ALL)["10.244.3.0/26"].gateways) == (
        "10.4.0.3",
        ("10.3.0.100",),
    )


def test_a_peer_is_known_by_calicos_name_of_the_session() -> None:
    lines = (
        "10.1.0.0/26 via 10.0.0.1 on eth0 [Mesh_10_0_0_2 20:10:57] * (100/0) [i]",
        "fd00:1::/122 via fe80::1 on eth0 [Node_fd00__2 20:10:57] * (100/0) [i]",
        "10.2.0.0/26 via 10.0.0.1 on eth0 [Global_10_0_0_3_port_180 20:10:57] * (100/0) [AS65001i]",
        "10.3.0.0/26 via 10.0.0.4 on eth0 [uplink 20:10:57] * (100/0) [AS65001i]",
        "10.4.0.0/26 via 10.0.0.9 on eth0 [static1 20:10:57] * (200)",
    )
    found = read_show_route("\n".join(lines))
    assert [each.peer for each in found] == ["10.0.0.2", "fd00::2", "10.0.0.3", "10.0.0.4", ""]
    assert [each.is_by_bgp for each in found] == [True] * 4 + [False]


def test_what_bird_could_not_put_into_the_kernel_is_used_all_the_same() -> None:
    (route,) = read_show_route("10.1.0.0/26 via 10.0.0.1 on eth0 [Mesh_10_0_0_1 20:10:57] ! (100/0) [i]")
    assert (route.is_used, route.in_kernel) == (True, False)


def test_several_next_hops_of_one_route_are_its_ways() -> None:
    ways = "\tvia 10.0.0.1 on eth0 weight 1\n\tvia 10.0.0.2 on eth1 onlink weight 2"
    for kind in ("multipath", "unicast"):
        (route,) = read_show_route(f"10.1.0.0/26 {kind} [static1 20:10:57] * (200)\n{ways}")
        assert route.gateways == ("10.0.0.1", "10.0.0.2")


def test_bird_3_has_other_names_for_attributes() -> None:
    text = (
        "BIRD 3.1.2 ready.\nTable master4:\n10.1.0.0/26          unicast [Mesh_10_0_0_1 2026-12-01] * (100) [i]\n"
        "\tvia 10.0.0.1 on eth1\n\tpreference: 100\n\tfrom: 10.0.0.1\n\tsource: BGP\n\tbgp_origin: IGP\n\tbgp_path: \n"
        "\tbgp_next_hop: 10.0.0.7\n\tbgp_local_pref: 100\n\tInternal route handling values: 0L 5G 1S id 1\n"
    )
    (route,) = read_show_route(text)
    assert (route.next_hop, route.local_pref) == ("10.0.0.7", 100)


def test_other_tables_than_the_master_ones_are_skipped() -> None:
    other = "Table t_other:\n10.9.0.0/26 blackhole [s 20:10:57] * (200)\n0.0.0.0/0-24 AS65001 [rpki 1] * (100)\n"
    found = read_show_route(f"{other}Table master6:\nfd00::/64 blackhole [s 20:10:57] * (200)\n")
    assert [each.prefix for each in found] == ["fd00::/64"]


# ------------------------------------------------------------------------------------------ how it comes


@FILES
def test_terminals_and_kubectl_change_nothing(file: Path) -> None:
    text = file.read_text()
    expected = [(each.prefix, each.ways, each.next_hop) for each in read_show_route(text)]
    command = "$ kubectl exec calico-node-x7k2p -c calico-node -- birdcl -s /var/run/calico/bird.ctl show route\n"
    noise = 'Defaulted container "calico-node" out of: calico-node, upgrade-ipam (init)\n'
    for changed in (
        text.replace("\n", "\r\n").replace("\r\n", "\n"),
        text.expandtabs(8),
        "".join(f"    {line}\n" for line in text.splitlines()),
        f"\n{command}{noise}{text}\n\n$ \n",
        text.replace("BIRD", "bird> show route\nBIRD", 1),
        "".join(f"{line}   \n" for line in text.splitlines()),
    ):
        found = read_show_route(changed)
        assert [(each.prefix, each.ways, each.next_hop) for each in found] == expected


# ------------------------------------------------------------------------------------------ what is none


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("10.1.0.0/26 via 10.0.0.1 on", 1, "'10.1.0.0/26 via 10.0.0.1 on' is no line of `birdc show route`"),
        ("\n10.1.0.0/33 blackhole [s 1] * (200)", 2, "'10.1.0.0/33' is no prefix"),
        ("10.1.0.0/26 via 10.0.0.256 on eth0 [s 1] * (200)", 1, "'10.0.0.256' is no address"),
        (
            "           via 10.0.0.1 on eth0 [s 1] (200)",
            1,
            "a route without a prefix, 'via 10.0.0.1 on eth0 [s 1] (200)': the beginning of the paste is missing",
        ),
        ("10.1.0.0/26 unicast [s 1] * (200)", 1, "the route to 10.1.0.0/26 has no next hop: the paste is cut off"),
        (
            "10.1.0.0/26 blackhole [s 1] * (200)\n\tType: static univ\n10.2.0.0/26 blackhole [s 1] * (200)",
            3,
            "this route has no attributes, and others have: the paste is cut off",
        ),
        (
            "10.1.0.0/26 via 10.0.0.1 on eth0 [s 1] * (200)\n\tBGP.local_pref: many",
            2,
            "'many' is no LOCAL_PREF",
        ),
        ("Mesh_10_3_0_1 BGP      master   up     01:27:48    Established", 1, "paste `birdc show route all`"),
        ("10.244.1.0/26 via 10.3.0.1 dev eth1 proto bird metric 1024", 1, "is of `ip route`"),
        ("a\0b", 1, "a NUL octet: this is no text"),
        ("x" * 20_000, 1, "a line of 20,000 characters, "),
        ("<html>", 1, "'<html>' is no line of `birdc show route`"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(text: str, line: int, message: str) -> None:
    found = error(text)
    assert found[0] == line
    assert message in found[1]


@FILES
def test_a_paste_that_is_cut_off_in_a_line_is_an_error_or_has_the_routes_before_it(file: Path) -> None:
    """Between two routes of a short table nothing shows it."""
    text = file.read_text()
    whole = read_show_route(text)
    errors = 0
    for end in range(len(text)):
        line = line_of_error(text[:end])
        errors += line is not None
        assert line is None or 0 < line <= text[:end].count("\n") + 1
        found = read_show_route(text[:end]) if line is None else ()
        assert [each.prefix for each in found] == [each.prefix for each in whole[: len(found)]]
    assert errors > len(text) / 4


@given(st.sampled_from([ONE, ONE_ALL, TWO, TWO_ALL]), st.data())
def test_no_mutation_ends_in_anything_but_routes_or_an_error_with_a_line(file: Path, data: st.DataObject) -> None:
    lines = file.read_text().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        text = lines[place]
        start = data.draw(st.integers(0, len(text)))
        lines[place] = text[:start] + data.draw(st.text(max_size=8)) + text[start + data.draw(st.integers(0, 3)) :]
    assert line_of_error("\n".join(lines)) != 0


@given(st.text(max_size=200))
@example("10.1.0.0/26 via fe80::1%eth0 on eth0 [Node_ 1] * (100)")
@example("10.1.0.0/26 via 10.0.0.1 on eth0 [Mesh_1_2_3_999 1] * (100)")
def test_any_text_is_routes_or_an_error(text: str) -> None:
    line_of_error(text)


def test_a_hostile_paste_takes_no_time() -> None:
    """Lines that nearly match, again and again."""
    lines = (
        "birdc " * 2000,
        " via " * 2000 + "[",
        "10.0.0.0/8 via " + "x" * 9000 + " on y [" + " from" * 500,
        "| " * 4000,
    )
    for line in lines:
        started = time.process_time()
        error(line)
        assert time.process_time() - started < 1


def test_ten_thousand_routes_are_read_in_a_second() -> None:
    line = "10.{}.{}.0/26    via 10.3.0.1 on eth0 [Mesh_10_3_0_1 20:10:57] * (100/0) [i]"
    text = "\n".join(line.format(n // 256, n % 256) for n in range(10_000))
    started = time.process_time()
    assert len(read_show_route(text)) == 10_000
    assert time.process_time() - started < 3
