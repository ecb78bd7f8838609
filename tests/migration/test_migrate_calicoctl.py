"""YAML of calicoctl v1: which documents are its own, and what is wrong in one with its file, line and field."""

from __future__ import annotations

import pytest
from dumps import OPTIONS, errors, spec_of

from bgpctl.migration.fate import Outcome
from bgpctl.migration.migrate import Migration, migrate

CLUSTER = """\
- apiVersion: v1
  kind: bgpPeer
  metadata:
    scope: global
    peerIP: 2006::2:1
  spec:
    asNumber: "1.10"
- apiVersion: v1
  kind: bgpPeer
  metadata: {scope: node, node: Rack1_Host, peerIP: 192.168.255.255}
  spec: {asNumber: 4294967294}
- apiVersion: v1
  kind: ipPool
  metadata: {cidr: 10.1.0.0/16}
  spec: {disabled: false, ipip: {enabled: true, mode: cross-subnet}, nat-outgoing: true}
- apiVersion: v1
  kind: node
  metadata: {name: Rack1_Host}
  spec:
    bgp: {asNumber: 64512, ipv4Address: 10.244.0.1, ipv6Address: "2001:db8::7334/120"}
    orchRefs: [{orchestrator: k8s, nodeName: host}]
- apiVersion: v1
  kind: policy
  metadata: {name: allow.tcp}
  spec: {selector: "role == 'database'"}
"""


def migrated(text: str) -> Migration:
    return migrate({"v1.yaml": text}, OPTIONS)


def test_what_calicoctl_get_prints() -> None:
    migration = migrated(CLUSTER)
    assert errors(migration) == []
    assert spec_of(migration, "BGPPeer", "2006-0000-0000-0000-0000-0000-0002-0001") == {
        "peerIP": "2006::2:1",
        "asNumber": 65546,
    }
    assert spec_of(migration, "BGPPeer", "rack1-host.192-168-255-255")["node"] == "rack1-host"
    assert spec_of(migration, "IPPool", "10-1-0-0-16")["natOutgoing"] is True
    assert spec_of(migration, "Node", "rack1-host") == {
        "bgp": {"asNumber": 64512, "ipv4Address": "10.244.0.1/32", "ipv6Address": "2001:db8::7334/120"},
        "orchRefs": [{"orchestrator": "k8s", "nodeName": "host"}],
    }
    (policy,) = (each for each in migration.fates if each.outcome is Outcome.LEFT)
    assert (policy.origin.name, policy.becomes[:9]) == ("policy allow.tcp", "allow-tcp")


FORMS = {
    "document": "apiVersion: v1\nkind: bgpPeer\nmetadata: {scope: global, peerIP: 10.0.0.1}\nspec: {asNumber: 1}\n",
    "list": "apiVersion: v1\nkind: bgpPeerList\n"
    "items: [{metadata: {scope: global, peerIP: 10.0.0.1}, spec: {asNumber: 1}}]",
    "JSON": '{"apiVersion": "v1", "kind": "bgpPeer", "metadata": {"scope": "global", "peerIP": "10.0.0.1"}, '
    '"spec": {"asNumber": 1}}',
    "JSON in a list": '[{"kind": "bgpPeer", "apiVersion": "v1", "metadata": {"scope": "global", "peerIP": "10.0.0.1"}, '
    '"spec": {"asNumber": 1}}]',
    "flow": "{apiVersion: v1, kind: bgpPeer, metadata: {scope: global, peerIP: 10.0.0.1}, spec: {asNumber: 1}}",
    "other capitals": "apiVersion: v1\nkind: BGPPeer\n"
    "metadata: {scope: global, peerIP: 10.0.0.1}\nspec: {asNumber: 1}\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_a_document(form: str) -> None:
    migration = migrated(FORMS[form])
    assert errors(migration) == []
    assert spec_of(migration, "BGPPeer", "10-0-0-1") == {"peerIP": "10.0.0.1", "asNumber": 1}


def test_node_with_a_capital_is_the_one_of_kubernetes() -> None:
    migration = migrated(
        "apiVersion: v1\nkind: Node\n"
        "metadata: {name: a, uid: x, annotations: {projectcalico.org/IPv4Address: 10.0.0.1/24}}\n"
        "spec: {podCIDR: 10.1.0.0/24, unschedulable: true}\nstatus: {images: [{names: [x]}]}\n"
    )
    assert migration.objects == (
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "a", "annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24"}},
            "spec": {"podCIDR": "10.1.0.0/24"},
            "status": {},
        },
    )


def test_what_calico_2_kept_in_the_kubernetes_api() -> None:
    migration = migrated(
        "apiVersion: crd.projectcalico.org/v1\nkind: GlobalBGPConfig\nmetadata: {name: asnumber}\n"
        'spec: {name: AsNumber, value: "64512"}\n---\n'
        "apiVersion: crd.projectcalico.org/v1\nkind: GlobalBGPConfig\nmetadata: {name: nodemeshenabled}\n"
        'spec: {name: NodeMeshEnabled, value: "False"}\n---\n'
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n  annotations:\n"
        "    projectcalico.org/IPv4Address: 10.0.0.1/24\n"
        """    peer.bgp.projectcalico.org/10-0-0-9: '{"ip": "10.0.0.9", "as_num": "65001"}'\n"""
    )
    assert errors(migration) == []
    settings = spec_of(migration, "BGPConfiguration", "default")
    assert settings == {"asNumber": 64512, "nodeToNodeMeshEnabled": False}
    assert spec_of(migration, "BGPPeer", "a.10-0-0-9") == {"node": "a", "peerIP": "10.0.0.9", "asNumber": 65001}
    (node,) = (each for each in migration.objects if each["kind"] == "Node")
    assert node["metadata"]["annotations"] == {"projectcalico.org/IPv4Address": "10.0.0.1/24"}


PEER = "apiVersion: v1\nkind: bgpPeer\nmetadata:\n  scope: global\n  peerIP: 10.0.0.1\nspec:\n  asNumber: 1\n"
WRONG: dict[str, tuple[str, str, int, str, str]] = {
    "no scope": ("  scope: global\n", "", 3, "$.metadata.scope", "required-field"),
    "another scope": ("global", "rack", 4, "$.metadata.scope", "not-one-of"),
    "global with a node": (
        "  scope: global\n", "  scope: global\n  node: a\n", 5, "$.metadata.node", "exclusive-fields",
    ),
    "node without a node": ("global", "node", 3, "$.metadata.node", "required-field"),
    "no address": ("  peerIP: 10.0.0.1\n", "", 3, "$.metadata.peerIP", "required-field"),
    "no address but text": ("10.0.0.1", "tor", 5, "$.metadata.peerIP", "not-an-address"),
    "port": ("10.0.0.1", "10.0.0.1:180", 5, "$.metadata.peerIP", "not-an-address"),
    "AS number with a dot": ("asNumber: 1", "asNumber: 1.10", 7, "$.spec.asNumber", "wrong-type"),
    "AS number below zero": ("asNumber: 1", "asNumber: -1", 7, "$.spec.asNumber", "out-of-range"),
    "AS number that is a list": ("asNumber: 1", "asNumber: [1]", 7, "$.spec.asNumber", "wrong-type"),
    "misspelt field": ("asNumber: 1", "asnumber: 1", 7, "$.spec.asnumber", "unknown-field"),
    "field at the top": ("spec:\n", "status: up\nspec:\n", 6, "$.status", "unknown-field"),
    "spec that is text": ("spec:\n  asNumber: 1\n", "spec: none\n", 6, "$.spec", "wrong-type"),
    "metadata that is a list": (
        "metadata:\n  scope: global\n  peerIP: 10.0.0.1\n", "metadata: [1]\n", 3, "$.metadata", "wrong-type",
    ),
    "key twice": ("  scope: global\n", "  scope: global\n  scope: node\n", 5, "$.metadata.scope", "duplicate-key"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_has_its_line_and_field(case: str) -> None:
    old, new, line, path, code = WRONG[case]
    assert old in PEER
    text = "# a comment\n---\n" + PEER.replace(old, new, 1)
    found = migrated(text)
    first = next(each for each in found.problems if (each.path, each.code) == (path, code))
    assert (first.file, first.line) == ("v1.yaml", line + 2)
    assert found.files == {}
    assert not found.ok


OTHERS: dict[str, tuple[str, str, str]] = {
    "pool's mode": (
        "apiVersion: v1\nkind: ipPool\nmetadata: {cidr: 10.0.0.0/16}\nspec: {ipip: {enabled: true, mode: vxlan}}",
        "$.spec.ipip.mode", "not-one-of",
    ),
    "node without an address": (
        "apiVersion: v1\nkind: node\nmetadata: {name: a}\nspec: {bgp: {asNumber: 1}}", "$.spec.bgp", "required-field",
    ),
    "node's family": (
        'apiVersion: v1\nkind: node\nmetadata: {name: a}\nspec: {bgp: {ipv4Address: "fd00::1/64"}}',
        "$.spec.bgp.ipv4Address", "not-an-address",
    ),
    "no kind": ("apiVersion: v1\nmetadata: {name: a}\n", "$", "not-a-resource"),
    "misspelt kind of v3": (
        "apiVersion: projectcalico.org/v3\nkind: BgpPeer\nmetadata: {name: a}\n", "$.kind", "unsupported-kind",
    ),
    "text": ("10.0.0.1", "$", "not-a-resource"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_other_documents_that_are_wrong(case: str) -> None:
    text, path, code = OTHERS[case]
    found = migrated(text)
    assert (path, code) in [(each[1], each[2]) for each in errors(found)]
    assert Outcome.REFUSED in {each.outcome for each in found.fates}
