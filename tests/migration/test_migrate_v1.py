"""The data of Calico 2.6 out of etcd: what each key becomes, and what is said of those that become nothing."""

from __future__ import annotations

import json

import pytest
from dumps import CLUSTER, OPTIONS, Keys, answer, base64_of, errors, migrated, spec_of, tree

from bgpctl.migration.fate import NoteKind, Outcome
from bgpctl.migration.migrate import Migration, migrate

AT_A, AT_B = "/calico/bgp/v1/host/a", "/calico/bgp/v1/host/b"


def named(migration: Migration) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in migration.objects]


def notes(migration: Migration, kind: NoteKind) -> list[str]:
    return sorted({note.text for fate in migration.fates for note in fate.notes if note.kind is kind})


def test_a_whole_cluster() -> None:
    migration = migrated(CLUSTER)
    assert errors(migration) == []
    assert sorted(named(migration)) == [
        "BGPConfiguration/default",
        "BGPPeer/10-9-0-1",
        "BGPPeer/node-a.10-9-0-2",
        "BlockAffinity/b-192-168-4-0-26",
        "BlockAffinity/node-a-192-168-3-0-26",
        "ClusterInformation/default",
        "FelixConfiguration/default",
        "IPPool/192-168-0-0-16",
        "Node/b",
        "Node/node-a",
    ]
    assert spec_of(migration, "BGPConfiguration", "default") == {
        "asNumber": 64512,
        "logSeverityScreen": "Debug",
        "nodeToNodeMeshEnabled": True,
    }
    assert spec_of(migration, "BGPPeer", "node-a.10-9-0-2") == {
        "node": "node-a",
        "peerIP": "10.9.0.2",
        "asNumber": 65546,
    }
    assert spec_of(migration, "IPPool", "192-168-0-0-16")["ipipMode"] == "CrossSubnet"
    assert spec_of(migration, "BlockAffinity", "node-a-192-168-3-0-26")["state"] == "confirmed"
    assert "state" not in spec_of(migration, "BlockAffinity", "b-192-168-4-0-26")
    assert spec_of(migration, "Node", "b") == {"bgp": {"ipv4Address": "10.0.0.2/32"}}
    assert spec_of(migration, "Node", "node-a") == {
        "bgp": {"ipv4Address": "10.0.0.1/24", "ipv4IPIPTunnelAddr": "192.168.3.1"},
        "orchRefs": [{"nodeName": "a.example", "orchestrator": "k8s"}],
    }
    assert spec_of(migration, "FelixConfiguration", "default") == {"ipipMTU": 1440}
    assert spec_of(migration, "ClusterInformation", "default") == {"calicoVersion": "v2.6.12"}


def test_every_key_has_a_fate() -> None:
    migration = migrated(CLUSTER)
    places = {fate.origin.name for fate in migration.fates}
    assert CLUSTER.keys() - places == set()
    left = {fate.origin.name: fate for fate in migration.fates if fate.outcome is Outcome.LEFT}
    policy = left["/calico/v1/policy/tier/default/policy/Allow_It"]
    assert (policy.kind, policy.becomes, policy.reason) == (
        "policy",
        "allow-it-cb84137c",
        "not for BGP, left to Calico's own tool",
    )
    assert left["/registry/pods/default/pod"].kind == "key outside /calico"
    assert {each.outcome for each in migration.fates} == {Outcome.CONVERTED, Outcome.LEFT}


def test_the_forms_of_a_dump_give_the_same() -> None:
    expected = migrated(CLUSTER)
    plain = [{"key": key, "value": value} for key, value in CLUSTER.items()]
    encoded = [{"key": base64_of(key), "value": base64_of(value)} for key, value in CLUSTER.items()]
    halves = dict(list(CLUSTER.items())[:10]), dict(list(CLUSTER.items())[10:])
    forms = {
        "v2": json.dumps(tree(CLUSTER)),
        "flat": json.dumps(CLUSTER, indent=1),
        "pairs": json.dumps(plain),
        "lines": "\n".join(map(json.dumps, plain)),
        "encoded pairs": json.dumps(encoded),
        "two answers": "\n".join(json.dumps(answer(half)) for half in halves),
    }
    for name, text in forms.items():
        found = migrate({"dump.json": text}, OPTIONS)
        assert (found.files, found.problems, found.fates) == (expected.files, (), expected.fates), name


def test_a_key_that_stands_twice() -> None:
    key = "/calico/bgp/v1/global/as_num"
    one, same, other = ({key: number} for number in ("64512", "64512", "64513"))
    twice = migrate({"a": json.dumps(answer(one)), "b": json.dumps(answer(same))}, OPTIONS)
    assert (twice.ok, len(twice.objects)) == (True, 1)
    assert [fate.reason for fate in twice.fates if fate.outcome is Outcome.LEFT] == [
        "it stands in a as well, with the same value"
    ]
    differing = migrate({"a": json.dumps(answer(one)), "b": json.dumps(answer(other))}, OPTIONS)
    assert errors(differing) == [(key, "$", "duplicate-key")]
    assert differing.files == {}


NODES: dict[str, tuple[Keys, dict[str, object], list[str]]] = {
    "both families": (
        {f"{AT_A}/ip_addr_v4": "10.0.0.1", f"{AT_A}/ip_addr_v6": "FD00::1", f"{AT_A}/network_v6": "fd00::/64"},
        {"bgp": {"ipv4Address": "10.0.0.1/32", "ipv6Address": "fd00::1/64"}},
        [],
    ),
    "no address": (
        {f"{AT_A}/as_num": "64513", "/calico/v1/host/a/config/IpInIpTunnelAddr": "192.168.0.1"},
        {},
        ["it has no address, so its AS number 64513 and its IPIP tunnel address 192.168.0.1 is not kept"],
    ),
    "a network alone": (
        {f"{AT_A}/network_v4": "10.0.0.0/24", f"{AT_A}/ip_addr_v4": ""},
        {},
        ["its network 10.0.0.0/24 has no address, so it is not kept"],
    ),
    "a host of workloads": ({"/calico/v1/host/a/workload/k8s/x/endpoint/eth0": "{}"}, {}, []),
}


@pytest.mark.parametrize("case", NODES)
def test_node(case: str) -> None:
    keys, spec, losses = NODES[case]
    migration = migrated({"/calico/v1/host/a/metadata": "{}", **keys})
    assert (errors(migration), spec_of(migration, "Node", "a")) == ([], spec)
    assert notes(migration, NoteKind.LOSS) == losses


def test_a_node_that_only_bird_knows_is_one_with_a_remark() -> None:
    migration = migrated({f"{AT_A}/ip_addr_v4": "10.0.0.1"})
    assert named(migration) == ["Node/a"]
    (remark,) = notes(migration, NoteKind.REMARK)
    assert "no key under /calico/v1/host" in remark


def test_what_concerns_bgp_and_has_no_counterpart_is_lost_and_said() -> None:
    migration = migrated(
        {
            "/calico/bgp/v1/global/as_num": "64512",
            "/calico/bgp/v1/rr_v4/10.0.0.9": '{"ip": "10.0.0.9", "cluster_id": "1.0.0.1"}',
            "/calico/bgp/v1/global/custom_filters/v4/reject": "if net = 10.0.0.0/8 then reject;",
            "/calico/bgp/v1/host/a/rr_cluster_id": "1.0.0.2",
            "/calico/v1/ipam/v4/pool/10.64.0.0-16": '{"cidr": "10.64.0.0/16", "ipip": "", "colour": "blue"}',
        }
    )
    lost = {fate.origin.name: fate.reason for fate in migration.fates if fate.outcome is Outcome.LOST}
    assert {name: reason.split()[0] for name, reason in lost.items()} == {
        "/calico/bgp/v1/rr_v4/10.0.0.9": "a",
        "/calico/bgp/v1/global/custom_filters/v4/reject": "filters",
        "/calico/bgp/v1/host/a/rr_cluster_id": "Calico",
        "/calico/v1/ipam/v4/pool/10.64.0.0-16 $.colour": "Calico",
    }
    assert migration.ok


LOG_LEVELS = {"DEBUG": "Debug", "warning": "Warning", "panic": "Fatal", "none": "Info", "fatal": "Fatal"}


@pytest.mark.parametrize("written", LOG_LEVELS)
def test_log_level(written: str) -> None:
    migration = migrated({"/calico/bgp/v1/global/loglevel": written})
    assert spec_of(migration, "BGPConfiguration", "default") == {"logSeverityScreen": LOG_LEVELS[written]}
    assert bool(notes(migration, NoteKind.LOSS)) == (written in ("panic", "none"))


def test_settings_that_are_empty_make_no_resource() -> None:
    migration = migrated({"/calico/bgp/v1/global/loglevel": "", "/calico/v1/host/a/metadata": "{}"})
    assert named(migration) == ["Node/a"]
    (fate,) = (each for each in migration.fates if each.outcome is Outcome.LEFT)
    assert (fate.origin.name, fate.reason) == ("/calico/bgp/v1/global/loglevel", "its value is empty, which is none")


def test_settings_of_a_node() -> None:
    migration = migrated({"/calico/v1/host/N_1/config/InterfacePrefix": "tap", "/calico/v1/host/N_1/metadata": "{}"})
    assert spec_of(migration, "FelixConfiguration", "node.n-1") == {"interfacePrefix": "tap"}


def test_an_affinity_that_is_being_deleted_is_left() -> None:
    key = "/calico/ipam/v2/host/a/ipv4/block/10.64.0.0-26"
    migration = migrated({key: '{"state": "pendingDeletion", "deleted": true}', "/calico/v1/host/a/metadata": "{}"})
    assert named(migration) == ["Node/a"]


@pytest.mark.parametrize("release", ["v2.6.5", "v2.6.12", "v2.9.0-rc1", "2.6.5+dirty"])
def test_release_that_is_read(release: str) -> None:
    assert migrated({"/calico/v1/config/CalicoVersion": release}).ok


@pytest.mark.parametrize("release", ["v2.6.4", "v1.0.0", "v3.0.0", "v3.30.1", "master"])
def test_release_that_is_not_read(release: str) -> None:
    found = migrated({"/calico/v1/config/CalicoVersion": release})
    assert errors(found) == [("/calico/v1/config/CalicoVersion", "$", "calico-release")]


PEER, POOL = "/calico/bgp/v1/global/peer_v4", "/calico/v1/ipam/v4/pool"
WRONG: dict[str, tuple[str, str, str, str]] = {
    "AS number": ("/calico/bgp/v1/global/as_num", "many", "$", "not-an-as-number"),
    "AS number too large": ("/calico/bgp/v1/global/as_num", "4294967296", "$", "out-of-range"),
    "mesh that is no JSON": ("/calico/bgp/v1/global/node_mesh", "on", "$", "not-json"),
    "mesh of another type": ("/calico/bgp/v1/global/node_mesh", '{"enabled": "true"}', "$.enabled", "wrong-type"),
    "mesh without its field": ("/calico/bgp/v1/global/node_mesh", "{}", "$.enabled", "required-field"),
    "node's address": (f"{AT_A}/ip_addr_v4", "10.0.0.256", "$", "not-an-address"),
    "node's address of the other family": (f"{AT_A}/ip_addr_v4", "fd00::1", "$", "key-mismatch"),
    "node's network": (f"{AT_A}/network_v4", "10.0.0.0/33", "$", "not-a-cidr"),
    "node's AS number": (f"{AT_A}/as_num", "-1", "$", "not-an-as-number"),
    "tunnel address": ("/calico/v1/host/a/config/IpInIpTunnelAddr", "tunl0", "$", "not-an-address"),
    "orchestrators": ("/calico/v1/host/a/orchestrator_refs", '{"orchestrator": "k8s"}', "$.orchRefs", "wrong-type"),
    "orchestrator": ("/calico/v1/host/a/orchestrator_refs", "[3]", "$.orchRefs[0]", "wrong-type"),
    "orchestrator without a name": (
        "/calico/v1/host/a/orchestrator_refs", '[{"nodeName": "a"}]', "$.orchRefs[0].orchestrator", "required-field",
    ),
    "peer of another address": (
        f"{PEER}/10.0.0.1", '{"ip": "10.0.0.2", "as_num": "1"}', "$.ip", "key-mismatch",
    ),
    "peer of the other family": (
        "/calico/bgp/v1/global/peer_v6/10.0.0.1", '{"ip": "10.0.0.1", "as_num": "1"}', "$", "key-mismatch",
    ),
    "peer without an address": (f"{PEER}/10.0.0.1", '{"as_num": "1"}', "$.ip", "required-field"),
    "peer without an AS": (f"{PEER}/10.0.0.1", '{"ip": "10.0.0.1"}', "$.as_num", "required-field"),
    "peer that is a list": (f"{PEER}/10.0.0.1", "[]", "$", "wrong-type"),
    "peer whose key is no address": (
        f"{PEER}/tor", '{"ip": "10.0.0.1", "as_num": "1"}', "$", "not-an-address",
    ),
    "pool of another network": (
        f"{POOL}/10.64.0.0-16", '{"cidr": "10.65.0.0/16"}', "$.cidr", "key-mismatch",
    ),
    "pool's flag": (
        f"{POOL}/10.64.0.0-16", '{"cidr": "10.64.0.0/16", "disabled": 0}', "$.disabled", "wrong-type",
    ),
    "pool with VXLAN": (
        f"{POOL}/10.64.0.0-16", '{"cidr": "10.64.0.0/16", "vxlan_mode": "always"}', "$.vxlan_mode",
        "not-one-of",
    ),
    "pool with host bits": (f"{POOL}/10.64.0.1-16", '{"cidr": "10.64.0.1/16"}', "$.spec.cidr", "not-a-cidr"),
    "affinity's state": (
        "/calico/ipam/v2/host/a/ipv4/block/10.64.0.0-26", '{"state": "lost"}', "$.state", "not-one-of",
    ),
    "affinity's network": ("/calico/ipam/v2/host/a/ipv4/block/10.64.0.0-260", "", "$", "not-a-cidr"),
    "MTU": ("/calico/v1/config/IpInIpMtu", "large", "$", "wrong-type"),
    "value that is no text": ("/calico/bgp/v1/global/as_num", "\udcff", "$", "bad-text"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_names_key_and_field_and_nothing_is_written(case: str) -> None:
    key, value, path, code = WRONG[case]
    octets = value.encode(errors="surrogateescape")
    dump = {"kvs": [{"key": key, "value": value}]}
    if case == "value that is no text":
        import base64

        dump = {"kvs": [{"key": base64_of(key), "value": base64.b64encode(octets).decode()}]}
    migration = migrate({"dump.json": json.dumps(dump)}, OPTIONS)
    assert errors(migration) == [(key, path, code)]
    assert migration.files == {}
    assert {each.file for each in migration.problems} == {"dump.json"}


def test_two_that_become_one_are_a_clash() -> None:
    migration = migrated({"/calico/v1/host/Node-1/metadata": "{}", "/calico/v1/host/node_1/metadata": "{}"})
    assert errors(migration) == [
        ("/calico/v1/host/Node-1", "$", "name-clash"),
        ("/calico/v1/host/node_1", "$", "name-clash"),
    ]
    first, second = migration.problems
    assert "/calico/v1/host/node_1" in first.message
    assert "/calico/v1/host/Node-1" in second.message


def test_a_name_of_which_nothing_is_left() -> None:
    assert errors(migrated({"/calico/v1/host/$$/metadata": "{}"})) == [
        ("/calico/v1/host/$$", "$.metadata.name", "required-field")
    ]


def test_a_dump_without_anything_for_bgp_is_an_error() -> None:
    (problem,) = migrated({"/registry/pods/x": "y"}).problems
    assert problem.code == "no-resources"


def test_guardrails_are_asked_as_validate_asks_them() -> None:
    migration = migrated({f"{at}/ip_addr_v4": "10.0.0.1" for at in (AT_A, AT_B)})
    found = [(each.resource, each.code, each.severity.value) for each in migration.problems]
    assert ("/calico/bgp/v1/host/b/ip_addr_v4", "shared-address", "error") in found
    assert migration.files == {}
