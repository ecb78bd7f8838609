"""config/crd/calico in a real API server: installed, explained, listed, changed, and never over Calico's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from crd_copies import NAMES, install, must, server_with_copies, wait_established, without_objects
from segment import eventually

from bgpctl.agent.node_status.status import (
    AgentPart,
    BGPPart,
    DaemonStatus,
    LearnedFrom,
    NodeStatus,
    PeerPart,
    RoutePart,
    RoutesPart,
)
from bgpctl.kubernetes_schema import SERVED_KINDS, definition
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow]

# As Calico has them, but for the schema.
FOREIGN = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Cluster
  names: {{kind: {kind}, listKind: {kind}List, plural: {plural}, singular: {singular}}}
  versions:
    - name: {version}
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""


def foreign(group: str, version: str, kind: str, plural: str) -> str:
    return FOREIGN.format(group=group, version=version, kind=kind, plural=plural, singular=kind.lower())


def resource(kind: str, name: str, **spec: Any) -> str:
    return json.dumps({"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="module")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("copies")) as server:
        yield server


@pytest.fixture
def copies(api_server: ApiServer) -> Iterator[ApiServer]:
    with without_objects(api_server):
        yield api_server


# ------------------------------------------------------------------------------------------------ installed


def test_script_brings_them_up_to_date(copies: ApiServer) -> None:
    again = install(copies)
    assert (again.returncode, again.stdout.count("serverside-applied")) == (0, len(NAMES)), again.stderr
    wait_established(copies, NAMES)


@pytest.mark.timeout(300)
def test_they_are_served_beside_those_of_the_old_group(copies: ApiServer) -> None:
    old = "---".join(foreign("crd.projectcalico.org", "v1", kind.kind, kind.plural) for kind in SERVED_KINDS)
    names = [f"{kind.plural}.crd.projectcalico.org" for kind in SERVED_KINDS]
    must(copies, "create", "--filename=-", stdin=old)
    try:
        wait_established(copies, names)
        must(copies, "create", "--filename=-", stdin=resource("BGPPeer", "tor", peerIP="192.0.2.1"))
        assert must(copies, "get", "bgppeers.projectcalico.org", "--output=name") == "bgppeer.projectcalico.org/tor\n"
        assert must(copies, "get", "bgppeers.crd.projectcalico.org", "--output=name") == ""
    finally:
        # A definition is removed once its objects are listed. One whose storage is not ready by then is tried once more
        # after a pause that doubles each time: so each is listed before.
        eventually(lambda: copies.kubectl("get", ",".join(names)).returncode == 0, "each is listed", within=60)
        must(copies, "delete", "--wait=false", "--filename=-", stdin=old)
        gone = ("get", "crd", *names, "--ignore-not-found")
        eventually(lambda: must(copies, *gone, "--output=name") == "", "the old group is gone", within=180)


@pytest.mark.parametrize(
    ("group", "version", "kind", "plural"),
    [
        ("projectcalico.org", "v3", "Tier", "tiers"),
        ("crd.projectcalico.org", "v1", "IPAMBlock", "ipamblocks"),
    ],
)
def test_script_installs_nothing_where_calico_is(
    copies: ApiServer, group: str, version: str, kind: str, plural: str
) -> None:
    """One definition of Calico's is enough, even of a kind that we have no copy of."""
    calico = foreign(group, version, kind, plural)
    must(copies, "create", "--filename=-", stdin=calico)
    try:
        before = must(copies, "get", "crd", "--output=jsonpath={.items[*].metadata.resourceVersion}")
        done = install(copies)
        assert done.returncode == 1
        assert "Nothing was installed" in done.stderr
        assert f"\n    {plural}.{group}\n" in done.stderr
        assert "bgppeers" not in done.stderr
        assert must(copies, "get", "crd", "--output=jsonpath={.items[*].metadata.resourceVersion}") == before
    finally:
        must(copies, "delete", "--wait=false", "--filename=-", stdin=calico)
        gone = ("get", "crd", f"{plural}.{group}", "--ignore-not-found", "--output=name")
        eventually(lambda: must(copies, *gone) == "", "Calico's is gone", within=90)


def test_script_says_when_the_cluster_does_not_answer(copies: ApiServer, tmp_path: Path) -> None:
    done = install(copies, tmp_path / "no-kubeconfig")
    assert done.returncode == 2
    assert "Nothing" not in done.stderr


# ------------------------------------------------------------------------------------------------ shown


def places(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Every object in the schema, as `kubectl explain` names it."""
    yield path
    for name, inner in schema.get("properties", {}).items():
        inner = inner.get("items", inner)
        if "properties" in inner:
            yield from places(inner, f"{path}.{name}")


@pytest.mark.parametrize("kind", SERVED_KINDS, ids=lambda kind: kind.kind)
def test_explain_describes_every_field(copies: ApiServer, kind: Any) -> None:
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    resource_name = f"{kind.plural}.projectcalico.org"
    served = json.loads(must(copies, "get", "--raw", "/openapi/v3/apis/projectcalico.org/v3"))
    assert list(undescribed(served["components"]["schemas"][f"org.projectcalico.v3.{kind.kind}"])) == []
    for place in places(schema, kind.plural):
        path = place.partition(".")[2]
        words = ("explain", "--api-version=projectcalico.org/v3", f"{kind.plural}{'.' if path else ''}{path}")
        explained = must(copies, *words)
        assert "<no description>" not in explained, (resource_name, explained)
        assert "<empty>" not in explained, explained


def undescribed(schema: dict[str, Any], path: str = "$") -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        if path == "$" and name in ("apiVersion", "kind", "metadata"):
            continue
        if not inner.get("description"):
            yield f"{path}.{name}"
        yield from undescribed(inner.get("items", inner), f"{path}.{name}")


def test_explain_reads_well(copies: ApiServer) -> None:
    explained = must(copies, "explain", "bgppeers.spec.peerIP", "--api-version=projectcalico.org/v3")
    text = " ".join(explained.split())
    assert "FIELD: peerIP <string>" in text
    assert 'Address of the peer, with a port if it is not 179: "192.0.2.1", "192.0.2.1:1790"' in text


def test_columns_short_names_and_category(copies: ApiServer) -> None:
    peer = resource("BGPPeer", "tor", nodeSelector="rack == 'a'", peerIP="192.0.2.1", asNumber=4200000001)
    pool = resource("IPPool", "pods", cidr="10.48.0.0/16", vxlanMode="Always")
    must(copies, "create", "--filename=-", stdin=f"{peer}\n---\n{pool}")
    header, row = must(copies, "get", "bgpp").splitlines()
    assert header.split("  ")[0] == "NAME"
    for title in ("NODE", "NODE SELECTOR", "PEER IP", "PEER SELECTOR", "AS", "AGE"):
        assert title in header
    assert "rack == 'a'" in row
    assert "192.0.2.1" in row
    assert "4200000001" in row
    assert "10.48.0.0/16" in must(copies, "get", "ipp")
    of_category = must(copies, "get", "bgp", "--output=name").split()
    assert {"bgppeer.projectcalico.org/tor", "ippool.projectcalico.org/pods"} <= set(of_category)
    for kind in SERVED_KINDS:
        for name in (kind.kind.lower(), *kind.short_names):
            must(copies, "get", name)


# ------------------------------------------------------------------------------------------------ stored


def test_only_what_calico_fills_in_is_filled_in(copies: ApiServer) -> None:
    must(copies, "create", "--filename=-", stdin=resource("IPPool", "pods", cidr="10.48.0.0/16"))
    must(copies, "create", "--filename=-", stdin=resource("BGPConfiguration", "node.a", listenPort=1790))
    pool = json.loads(must(copies, "get", "ippool", "pods", "--output=json"))
    assert pool["spec"] == {"cidr": "10.48.0.0/16", "nodeSelector": "all()", "assignmentMode": "Automatic"}
    configuration = json.loads(must(copies, "get", "bgpconfig", "node.a", "--output=json"))
    assert configuration["spec"] == {"listenPort": 1790, "serviceLoadBalancerAggregation": "Enabled"}


CHANGES = (
    ({"cidr": "FD10:0::/64"}, ""),
    ({"cidr": "fd11::/64"}, "the cidr of an IPPool cannot change"),
    ({"blockSize": 122}, ""),
    ({"blockSize": 120}, "the blockSize of an IPPool cannot change"),
    ({"allowedUses": ["LoadBalancer"]}, ""),
    ({"disabled": True}, ""),
)


@pytest.mark.parametrize(("change", "refusal"), CHANGES)
def test_what_is_for_life_cannot_change(copies: ApiServer, change: dict[str, Any], refusal: str) -> None:
    must(copies, "create", "--filename=-", stdin=resource("IPPool", "pods", cidr="fd10::/64"))
    done = copies.kubectl("patch", "ippool", "pods", "--type=merge", f"--patch={json.dumps({'spec': change})}")
    assert (done.returncode == 0) == (refusal == ""), done.stderr
    assert refusal in done.stderr


def test_what_an_agent_reports_is_taken_as_status_and_nothing_else_is(copies: ApiServer) -> None:
    daemon = DaemonStatus("Ready", "1.0", "10.0.0.1", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z")
    session = PeerPart("10.0.0.2", "NodeMesh", "Established", "2026-12-01T00:00:00Z")
    learned = RoutePart("FIB", "10.48.0.0/26", "10.0.0.2", LearnedFrom("NodeMesh", "10.0.0.2"), "eth0")
    report = NodeStatus(
        "2026-12-01T00:00:00Z",
        AgentPart(daemon, DaemonStatus("NotReady")),
        BGPPart(1, 0, 0, 0, (session,)),
        RoutesPart((learned, RoutePart("RIB", "10.64.0.0/26", "N/A", LearnedFrom("Static"), "blackhole"))),
    )
    status = msgspec.to_builtins(report)
    asked = {"node": "a", "classes": ["Agent", "BGP", "Routes"], "updatePeriodSeconds": 10}
    must(copies, "create", "--filename=-", stdin=resource("CalicoNodeStatus", "a", **asked))
    patch = json.dumps({"status": status, "spec": {"node": "b"}})
    must(copies, "patch", "caliconodestatus", "a", "--subresource=status", "--type=merge", f"--patch={patch}")
    stored = json.loads(must(copies, "get", "caliconodestatus", "a", "--output=json"))
    assert stored["status"] == json.loads(json.dumps(status))
    assert stored["spec"] == asked
    assert must(copies, "get", "caliconodestatus", "a", "--no-headers").split()[:6] == ["a", "a", "1", "0", "0", "0"]
    wrong = json.dumps({"status": {"bgp": {"numberEstablishedV4": "one"}}})
    refused = copies.kubectl(
        "patch", "caliconodestatus", "a", "--subresource=status", "--type=merge", f"--patch={wrong}"
    )
    assert refused.returncode == 1
