"""What holds for any data: what is written is what `validate` accepts, and the order of keys does not matter."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from dumps import OPTIONS, answer, migrated, resource, v3_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpctl.archive.directory import write_directory
from bgpctl.datastore import read_directory
from bgpctl.guardrails import check_cluster, nothing_read
from bgpctl.migration.fate import Outcome
from bgpctl.migration.migrate import migrate
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.yaml_source.problem import has_errors

# Of a field, what is wrong or odd, once in twenty times.
ODD = ("", "x", "10.0.0.300", "fd00::1", "0", "{}", "4294967295", "1.10", "true", "null")
# Names of hosts as people and clouds give them, and once in twenty times as they should not.
USUAL_NODES, ODD_NODES = ("a", "Node_B", "n.1", "c$d", "e..f"), ("node-b", "x" * 260, "-", "é")


@st.composite
def mostly(draw: st.DrawFn, usual: tuple[str, ...], odd: tuple[str, ...] = ODD) -> str:
    return draw(st.sampled_from(odd if draw(st.integers(0, 19)) == 0 else usual))


def number_of(name: str) -> int:
    """So that two nodes do not have one address."""
    return 1 + sum(name.encode()) % 250


@st.composite
def node_keys(draw: st.DrawFn) -> dict[str, str]:
    name = draw(mostly(USUAL_NODES, ODD_NODES))
    number = number_of(name)
    keys = {
        f"/calico/v1/host/{name}/metadata": "{}",
        f"/calico/bgp/v1/host/{name}/ip_addr_v4": draw(mostly((f"10.0.0.{number}",))),
        f"/calico/bgp/v1/host/{name}/network_v4": draw(mostly(("10.0.0.0/24",))),
        f"/calico/bgp/v1/host/{name}/as_num": draw(mostly(("64512", "1.10", ""))),
        f"/calico/v1/host/{name}/config/IpInIpTunnelAddr": draw(mostly((f"192.168.{number}.1",))),
        f"/calico/ipam/v2/host/{name}/ipv4/block/192.168.{number}.0-26": draw(
            mostly(('{"state": "confirmed"}', "", '{"state": "pending"}'))
        ),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(keys))))
    return {key: value for key, value in keys.items() if key in chosen}


@st.composite
def peer_keys(draw: st.DrawFn) -> dict[str, str]:
    address = draw(st.sampled_from(["10.9.0.1", "10.9.0.2", "fd00::9"]))
    of_node = draw(st.booleans())
    where = f"host/{draw(mostly(USUAL_NODES, ODD_NODES))}" if of_node else "global"
    value = {"ip": draw(mostly((address,))), "as_num": draw(mostly(("65001", "1.10")))}
    return {f"/calico/bgp/v1/{where}/peer_v{6 if ':' in address else 4}/{address}": json.dumps(value)}


@st.composite
def pool_keys(draw: st.DrawFn) -> dict[str, str]:
    networks = ("192.168.0.0/16", "10.64.0.0/16", "fd00:10::/64", "172.16.0.0/26")
    cidr = draw(mostly(networks, ("10.65.0.9/16", "10.66.0.0/28")))
    value = {
        "cidr": cidr,
        "ipip": "" if ":" in cidr else draw(st.sampled_from(["", "tunl0"])),
        "ipip_mode": draw(mostly(("", "always", "cross-subnet"))),
        "disabled": draw(st.booleans()),
    }
    return {f"/calico/v1/ipam/v{6 if ':' in cidr else 4}/pool/{cidr.replace('/', '-')}": json.dumps(value)}


@st.composite
def settings_keys(draw: st.DrawFn) -> dict[str, str]:
    keys = {
        "/calico/bgp/v1/global/as_num": draw(mostly(("64512", "1.10"))),
        "/calico/bgp/v1/global/node_mesh": draw(mostly(('{"enabled": true}', '{"enabled": false}'))),
        "/calico/bgp/v1/global/loglevel": draw(mostly(("info", "panic"))),
        "/calico/v1/config/CalicoVersion": draw(mostly(("v2.6.12",))),
    }
    return {key: keys[key] for key in sorted(draw(st.sets(st.sampled_from(sorted(keys)))))}


@st.composite
def resource_keys(draw: st.DrawFn) -> dict[str, str]:
    name = draw(st.sampled_from(["x", "y", "z"]))
    number, names = number_of(name), [{"orchestrator": "k8s", "nodeName": name}]
    made: list[dict[str, Any]] = [
        resource("BGPPeer", name, peerIP=draw(mostly((f"10.9.1.{number}",))), asNumber=64513),
        resource("BGPFilter", name, importV4=[{"action": draw(mostly(("Accept", "Reject")))}]),
        resource("Node", name, bgp={"ipv4Address": draw(mostly((f"10.0.1.{number}/24",)))}, orchRefs=names),
        resource("IPPool", name, cidr=draw(mostly((f"100.{number}.0.0/16",)))),
    ]
    return v3_keys(draw(st.sampled_from(made)))


PARTS = st.one_of(node_keys(), node_keys(), peer_keys(), pool_keys(), settings_keys(), resource_keys())
CLUSTERS = st.lists(PARTS, min_size=1, max_size=7).map(
    lambda parts: {key: value for part in parts for key, value in part.items()}
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(CLUSTERS, st.booleans())
def test_what_is_written_is_what_validate_accepts(keys: dict[str, str], to_kubernetes: bool) -> None:
    migration = migrated(keys, to_kubernetes=to_kubernetes)
    assert bool(migration.files) == migration.ok
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "resources"
        write_directory(directory, migration.files)
        loaded = read_directory(directory)
        found = (*loaded.problems, *check_cluster(in_force(loaded).resources, OPTIONS), *nothing_read(loaded))
        if migration.ok:
            assert not has_errors(found)
            assert len(loaded.resources) == len(
                {(each["kind"], each["metadata"]["name"]) for each in migration.objects}
            )


@settings(max_examples=100, deadline=None)
@given(CLUSTERS, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(keys: dict[str, str], random: Any) -> None:
    shuffled = list(keys.items())
    random.shuffle(shuffled)
    one, other = migrated(keys), migrated(dict(shuffled))
    assert (one.files, one.problems, one.fates) == (other.files, other.problems, other.fates)


@settings(max_examples=100, deadline=None)
@given(CLUSTERS)
def test_every_key_has_a_fate_or_a_problem(keys: dict[str, str]) -> None:
    migration = migrate({"dump.json": json.dumps(answer(keys))}, OPTIONS)
    known = {fate.origin.name for fate in migration.fates}
    assert keys.keys() - known == set()
    if migration.ok:
        assert Outcome.REFUSED not in {fate.outcome for fate in migration.fates}
