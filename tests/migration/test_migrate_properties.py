"""What holds for any data: what is written is what `validate` accepts, and the order of keys does not matter."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

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

# Names of hosts as people and clouds give them.
NODES = st.sampled_from(["a", "b", "Node_A", "node-a", "n.1", "N/1", "x" * 260, "-", "é", "a..b", "A b"])
ADDRESSES = st.integers(1, 9).map(lambda number: f"10.0.0.{number}")
ODD = st.sampled_from(["", "x", "10.0.0.300", "fd00::1", "0", "{}", "4294967295", "1.10", "true", "null"])
AS_NUMBERS = st.sampled_from(["64512", "1.10", "0", "23456", "4294967295"])


def some(usual: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly what is usual."""
    return st.one_of(usual, usual, usual, ODD)


@st.composite
def node_keys(draw: st.DrawFn) -> dict[str, str]:
    name, address = draw(NODES), draw(ADDRESSES)
    keys = {
        f"/calico/v1/host/{name}/metadata": "{}",
        f"/calico/bgp/v1/host/{name}/ip_addr_v4": draw(some(st.just(address))),
        f"/calico/bgp/v1/host/{name}/network_v4": draw(some(st.just("10.0.0.0/24"))),
        f"/calico/bgp/v1/host/{name}/as_num": draw(some(AS_NUMBERS)),
        f"/calico/v1/host/{name}/config/IpInIpTunnelAddr": draw(some(st.just("192.168.0.1"))),
        f"/calico/ipam/v2/host/{name}/ipv4/block/192.168.{draw(st.integers(0, 3))}.0-26": draw(
            st.sampled_from(['{"state": "confirmed"}', "", '{"state": "pending"}'])
        ),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(keys))))
    return {key: value for key, value in keys.items() if key in chosen}


@st.composite
def peer_keys(draw: st.DrawFn) -> dict[str, str]:
    address = draw(st.sampled_from(["10.9.0.1", "10.9.0.2", "fd00::9"]))
    where = draw(st.one_of(st.just("global"), NODES.map(lambda name: f"host/{name}")))
    family = 6 if ":" in address else 4
    value = {"ip": address, "as_num": draw(AS_NUMBERS)}
    return {f"/calico/bgp/v1/{where}/peer_v{family}/{address}": json.dumps(value)}


@st.composite
def pool_keys(draw: st.DrawFn) -> dict[str, str]:
    cidr = draw(st.sampled_from(["192.168.0.0/16", "10.64.0.0/16", "10.64.0.0/28", "fd00:10::/64", "10.64.0.9/16"]))
    value = {
        "cidr": cidr,
        "ipip": draw(st.sampled_from(["", "tunl0"])),
        "ipip_mode": draw(st.sampled_from(["", "always", "cross-subnet"])),
        "disabled": draw(st.booleans()),
    }
    return {f"/calico/v1/ipam/v{6 if ':' in cidr else 4}/pool/{cidr.replace('/', '-')}": json.dumps(value)}


def _v3(draw: st.DrawFn) -> dict[str, str]:
    name = draw(st.sampled_from(["a", "b", "c"]))
    made: list[dict[str, Any]] = [
        resource("BGPPeer", name, peerIP=draw(some(ADDRESSES)), asNumber=draw(st.sampled_from([0, 64512, 1]))),
        resource("BGPFilter", name, importV4=[{"action": draw(st.sampled_from(["Accept", "Reject", "x"]))}]),
        resource(
            "Node",
            name,
            bgp={"ipv4Address": draw(some(ADDRESSES))},
            orchRefs=[{"orchestrator": "k8s", "nodeName": name}],
        ),
        resource("IPPool", name, cidr=draw(some(st.just("172.16.0.0/16")))),
    ]
    return v3_keys(draw(st.sampled_from(made)))


GLOBALS = st.fixed_dictionaries(
    {},
    optional={
        "/calico/bgp/v1/global/as_num": some(AS_NUMBERS),
        "/calico/bgp/v1/global/node_mesh": st.sampled_from(['{"enabled": true}', '{"enabled": false}', "{}"]),
        "/calico/bgp/v1/global/loglevel": some(st.just("info")),
        "/calico/v1/config/CalicoVersion": st.sampled_from(["v2.6.12", "v2.6.1"]),
    },
)
V3_KEYS = st.composite(_v3)()
CLUSTERS = st.lists(
    st.one_of(node_keys(), node_keys(), peer_keys(), pool_keys(), GLOBALS, V3_KEYS), min_size=1, max_size=6
).map(lambda parts: {key: value for part in parts for key, value in part.items()})


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
