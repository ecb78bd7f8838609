"""What a snapshot has of each object, which Secrets it names, and when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snapshots import CLUSTER, OPTIONS, everything_of, snapshot_of

from bgpctl.archive.packing import pack, unpack
from bgpctl.compiler import compile_cluster
from bgpctl.resources import parse_documents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    return tmp_path


def documents(folder: Path, kind: str, *, with_secrets: bool = False) -> list[dict[str, object]]:
    text = snapshot_of(folder, with_secrets=with_secrets).files[f"resources/{kind}.yaml"].decode()
    return list(yaml.safe_load_all(text))


def test_what_is_in_it(folder: Path) -> None:
    manifest = snapshot_of(folder).manifest
    assert manifest.counts == {
        "BGPConfiguration": 1,
        "BGPPeer": 1,
        "EndpointSlice": 1,
        "FelixConfiguration": 1,
        "Node": 2,
        "Service": 1,
    }
    assert (manifest.taken, manifest.source.name, manifest.bgpctl) == ("2026-12-01T12:30:15Z", "resources", "1.0")


def test_calicos_kinds_are_as_they_are_without_what_belongs_to_one_cluster(folder: Path) -> None:
    assert documents(folder, "FelixConfiguration")[0]["spec"] == {
        "vxlanPort": 4790,
        "failsafeInboundHostPorts": [{"protocol": "TCP", "port": 22}],
    }
    assert documents(folder, "BGPPeer")[0]["metadata"] == {"name": "tor", "annotations": {"argocd.io/app": "net"}}
    calico, kubernetes = documents(folder, "Node")
    assert calico["metadata"] == {"name": "a", "labels": {"rack": "1e3"}}
    assert kubernetes == {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "b",
            "labels": {"rack": "r1"},
            "annotations": {"projectcalico.org/IPv4Address": "10.0.0.2/24"},
        },
        "spec": {"podCIDR": "10.70.0.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]},
    }


def test_kubernetes_kinds_have_what_routing_reads(folder: Path) -> None:
    (service,) = documents(folder, "Service")
    assert service == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.10"},
        "status": {"loadBalancer": {}},
    }
    (endpoints,) = documents(folder, "EndpointSlice")
    assert endpoints["endpoints"] == [{"addresses": ["10.70.0.5"], "nodeName": "b", "conditions": {"ready": True}}]


def test_secrets_are_named_and_not_in_it(folder: Path) -> None:
    found = snapshot_of(folder)
    (secret,) = found.manifest.secrets
    assert (secret.namespace, secret.name, secret.keys, secret.included) == (
        "kube-system",
        "bgp",
        ("mesh", "tor"),
        False,
    )
    assert b"hush" not in b"".join(found.files.values())


def test_with_secrets_those_that_are_named_are_in_it(folder: Path) -> None:
    found = snapshot_of(folder, with_secrets=True)
    assert [each.included for each in found.manifest.secrets] == [True]
    (secret,) = documents(folder, "Secret", with_secrets=True)
    assert secret["stringData"] == {"tor": "hush-hush", "mesh": "hush-too"}


@pytest.mark.parametrize("lab", ["quickstart", "dual-stack", "mixed-cluster", "upstream-policies", "tor-as-per-rack"])
def test_it_makes_the_same_plans(lab: str) -> None:
    resources = Path(__file__).parents[2] / "labs" / lab / "resources"
    before = parse_documents((str(each), each.read_text()) for each in sorted(resources.rglob("*.y*ml")))
    found = snapshot_of(resources, with_secrets=True)
    after = parse_documents(unpack(pack(found.manifest, found.files)).texts.items())
    plans = [[compiled.plan for compiled in compile_cluster(each.resources, OPTIONS)] for each in (before, after)]
    assert plans[0] == plans[1] != []


BROKEN = {
    "no YAML": ("a: [", "not YAML"),
    "no object": ("just text", "no object"),
    "no kind": ("apiVersion: v1", "no object"),
    "no name": ("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {}", "no object"),
    "misspelt": ("apiVersion: projectcalico.org/v3\nkind: BgpPeer\nmetadata: {name: x}", "did you mean 'BGPPeer'"),
    "twice": ("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: tor}", "stands in"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_kept_is_said(case: str, folder: Path) -> None:
    text, words = BROKEN[case]
    (folder / "other.yaml").write_text(text)
    (failure,) = everything_of(folder).failures
    assert "other.yaml:1" in failure
    assert words in failure


def test_an_invalid_object_is_kept_as_it_is(folder: Path) -> None:
    """It is what the cluster has, and to be found again."""
    (folder / "other.yaml").write_text(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: x}\nspec: {cidr: nowhere}\n"
    )
    assert documents(folder, "IPPool")[0]["spec"] == {"cidr": "nowhere"}
