"""A snapshot of a real API server, restored into an empty one: the plans are the same to the byte. And what a restore
leaves alone, refuses, and says when it stops half way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crd_copies import must, server_with_copies, without_objects
from segment import eventually
from watched_cluster import Object, Writer, calico

from bgpctl.archive.cluster_target import ClusterTarget
from bgpctl.archive.opened import open_archive
from bgpctl.archive.step import Action, Rehearsal, Step
from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster
from bgpctl.kubernetes.access import Access
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import V1
from reflector.plan import encode_plan

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

OPTIONS = CompileOptions()
NAMES = ("a", "b", "r")
OLDER = "/".join(V1)


def node(name: str, number: int, **labels: str) -> Object:
    """As a kubelet, Kubernetes' controllers, Calico and an operator have made it together."""
    annotations = {
        "projectcalico.org/IPv4Address": f"10.0.0.{number}/24",
        "projectcalico.org/IPv4IPIPTunnelAddr": f"192.168.{number}.1",
        "other.io/x": "y",
    }
    if name == "r":
        annotations |= {"projectcalico.org/RouteReflectorClusterID": "1.0.0.1", "projectcalico.org/ASNumber": "64512"}
    bare = as_its_kubelet_makes_it(name, number)
    bare["metadata"] |= {"labels": labels, "annotations": annotations}
    return bare


def as_its_kubelet_makes_it(name: str, number: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDRs": [f"10.70.{number}.0/24"], "podCIDR": f"10.70.{number}.0/24"},
    }


NODES = [node("a", 1, rack="r1"), node("b", 2, rack="1e3"), node("r", 3, reflector="yes")]
BARE_NODES = [as_its_kubelet_makes_it(name, number) for number, name in enumerate(NAMES, 1)]
FILTER = calico("BGPFilter", "out", exportV4=[{"action": "Accept", "cidr": "192.168.0.0/16", "matchOperator": "In"}])
PEER = calico(
    "BGPPeer", "tor", node="a", peerIP="10.0.0.9", asNumber=65001, filters=["out"],
    password={"secretKeyRef": {"name": "bgp", "key": "tor"}},
)  # fmt: skip
BLOCKS = [
    calico("BlockAffinity", f"{name}-block", node=name, cidr=f"192.168.{number}.0/26", state="confirmed", type="host")
    for number, name in enumerate(NAMES[:2], 1)
]
RESOURCES = [
    calico("BGPConfiguration", "default", nodeToNodeMeshEnabled=False, asNumber=64512),
    calico("BGPPeer", "reflectors", nodeSelector="!has(reflector)", peerSelector="has(reflector)"),
    calico("IPPool", "pods", cidr="192.168.0.0/16", ipipMode="CrossSubnet"),
    calico("FelixConfiguration", "default", vxlanPort=4790, failsafeInboundHostPorts=[{"protocol": "TCP", "port": 22}]),
    calico("CalicoNodeStatus", "a", node="a", classes=["BGP"], updatePeriodSeconds=10),
    FILTER,
    PEER,
    *BLOCKS,
]
SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "bgp", "namespace": "kube-system"},
    "data": {"tor": "aHVzaA==", "other": "eA=="},
}


@pytest.fixture(scope="module")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The cluster that the snapshot is of, and in other tests the one that is restored into."""
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("first")) as server:
        yield server


@pytest.fixture(scope="module")
def second(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Without anything but the definitions of Calico's kinds."""
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("second")) as server:
        yield server


@pytest.fixture
def cluster(api_server: ApiServer, inside_its_network: None) -> Iterator[ApiServer]:
    """With all of it."""
    with without_objects(api_server):
        fill(api_server)
        yield api_server
        remove(api_server)


@pytest.fixture
def archive(cluster: ApiServer, tmp_path: Path) -> Path:
    path = tmp_path / "snapshot.tar.gz"
    done = bgpctl("snapshot", "--kubeconfig", cluster.admin_kubeconfig, "--with-secrets", "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    return path


def fill(server: ApiServer) -> None:
    Writer(server).put(*NODES, *RESOURCES, SECRET)


def remove(server: ApiServer) -> None:
    Writer(server).delete(*NODES, SECRET)


def bgpctl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("bgpctl"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def json_of(peer: Object, **spec: Any) -> str:
    return json.dumps({**peer, "spec": {**peer["spec"], **spec}})


def applied(objects: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("bgpctl"), "apply", "--yes", "--filename", "-", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, input=objects)


def plans(server: ApiServer) -> dict[str, bytes]:
    """Of each node, with the passwords of sessions."""
    loaded = read_cluster(Access(kubeconfig=server.admin_kubeconfig), ClusterOptions.of(OPTIONS))
    assert loaded.ok, loaded.problems
    return {each.plan.node: encode_plan(each.plan) for each in compile_cluster(loaded.resources, OPTIONS)}


def now(server: ApiServer, kind: str, name: str) -> Any:
    return json.loads(must(server, "get", kind, name, "--output=json"))


def restored(server: ApiServer, archive: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return bgpctl("restore", archive, "--kubeconfig", server.admin_kubeconfig, *words)


def test_a_snapshot_restored_into_an_empty_cluster_gives_the_same_plans(
    cluster: ApiServer, second: ApiServer, archive: Path
) -> None:
    before = plans(cluster)
    assert (sorted(before), b"hush" in before["a"]) == (list(NAMES), True)
    with without_objects(second):
        Writer(second).put(*BARE_NODES)
        dry = restored(second, archive)
        assert (dry.returncode, "   created  2 BGPPeer: reflectors, tor" in dry.stdout) == (1, True), dry.stdout
        assert must(second, "get", "bgppeers", "--output=name") == ""
        done = restored(second, archive, "--apply")
        assert (done.returncode, "wrote 13 of 13 objects" in done.stderr) == (0, True), done.stdout + done.stderr
        assert plans(second) == before
        twice = restored(second, archive, "--apply")
        assert (twice.returncode, "nothing changes on 3 nodes" in twice.stdout) == (0, True), twice.stdout
        assert " created " not in twice.stdout
        done = applied(json_of(PEER, asNumber=65001, ttlSecurity=1), "--kubeconfig", second.admin_kubeconfig)
        assert done.returncode == 0, f"a later apply finds fields of another manager: {done.stderr}"
        assert restored(second, archive, "--apply").returncode == 0
        assert plans(second) == before
        other = bgpctl("snapshot", "--kubeconfig", second.admin_kubeconfig, "--with-secrets", "-o", f"{archive}.2")
        assert other.returncode == 0
        one, two = open_archive(archive), open_archive(Path(f"{archive}.2"))
        assert [each.sha256 for each in one.manifest.files if each.kind != "Node"] == [
            each.sha256 for each in two.manifest.files if each.kind != "Node"
        ]
        remove(second)


@pytest.fixture
def older(second: ApiServer, inside_its_network: None) -> Iterator[ApiServer]:
    """A cluster that has its objects in the older of Calico's groups."""
    calico_crds.install(second, V1)
    Writer(second).put(*BARE_NODES, calico("ClusterInformation", "default", OLDER, datastoreReady=True))
    yield second
    calico_crds.remove(second, V1)
    remove(second)


def test_into_the_older_api_group(older: ApiServer, cluster: ApiServer, archive: Path) -> None:
    done = restored(older, archive, "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert now(older, "bgppeers.crd.projectcalico.org", "tor")["apiVersion"] == OLDER
    assert must(older, "get", "bgppeers.projectcalico.org", "--output=name") == ""
    assert plans(older) == plans(cluster)
    assert "already" not in restored(older, archive, "--apply").stderr


def test_what_was_changed_is_as_it_was_and_what_came_stays(cluster: ApiServer, archive: Path) -> None:
    writer = Writer(cluster)
    before = plans(cluster)
    writer.put(calico("BGPPeer", "tor", node="a", peerIP="10.0.0.9", asNumber=65009, ttlSecurity=1))
    writer.put(calico("BGPPeer", "new", node="b", peerIP="10.0.0.8", asNumber=65008))
    done = restored(cluster, archive, "--apply")
    assert (done.returncode, "configured  1 BGPPeer: tor" in done.stdout) == (0, True), done.stdout + done.stderr
    assert now(cluster, "bgppeer", "tor")["spec"] == {**PEER["spec"]}
    assert now(cluster, "bgppeer", "new")["spec"]["asNumber"] == 65008
    pruned = restored(cluster, archive, "--prune", "--apply")
    assert (pruned.returncode, "   deleted  1 BGPPeer: new" in pruned.stdout) == (0, True), pruned.stdout
    assert plans(cluster) == before


def test_of_a_node_an_operators_annotations_are_as_they_were_and_the_rest_is_filled_in(
    cluster: ApiServer, archive: Path
) -> None:
    must(
        cluster, "annotate", "node", "r", "--overwrite", "projectcalico.org/ASNumber=64999",
        "projectcalico.org/IPv4IPIPTunnelAddr=192.168.9.9", "bgpctl.io/drain=x", "projectcalico.org/IPv4Address-",
    )  # fmt: skip
    must(cluster, "label", "node", "r", "reflector-", "added=later")
    done = restored(cluster, archive, "--apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    metadata = now(cluster, "node", "r")["metadata"]
    assert metadata["labels"] == {"reflector": "yes", "added": "later"}
    assert metadata["annotations"] == {
        "projectcalico.org/ASNumber": "64512",
        "projectcalico.org/IPv4Address": "10.0.0.3/24",
        "projectcalico.org/IPv4IPIPTunnelAddr": "192.168.9.9",
        "projectcalico.org/RouteReflectorClusterID": "1.0.0.1",
        "other.io/x": "y",
    }


def test_what_the_cluster_makes_itself_is_left(cluster: ApiServer, archive: Path) -> None:
    """Blocks where IPAM has others, a Node that is not there."""
    writer = Writer(cluster)
    writer.put(calico("BlockAffinity", "other", node="b", cidr="192.168.1.0/26", state="confirmed", type="host"))
    must(cluster, "delete", "node", "a")
    must(cluster, "delete", "blockaffinity", "a-block", "b-block")
    done = restored(cluster, archive, "--apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "      left  2 BlockAffinity: a-block, b-block (the cluster's IPAM has block affinities" in done.stdout
    assert "      left  1 Node: a (there is no such Node" in done.stdout
    assert must(cluster, "get", "blockaffinities", "--output=name").split() == ["blockaffinity.projectcalico.org/other"]


def test_with_one_refusal_nothing_is_written(cluster: ApiServer, second: ApiServer, archive: Path) -> None:
    """A role that may not create BGPFilters: the dry run of the API server finds it before anything is there."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "restorer"}}
    verbs = ["get", "list", "watch", "create", "update", "patch"]
    kinds = ["bgppeers", "bgpconfigurations", "ippools", "blockaffinities", "caliconodestatuses", "felixconfigurations"]
    rules = [
        {"apiGroups": ["projectcalico.org"], "resources": kinds, "verbs": verbs},
        {"apiGroups": ["projectcalico.org"], "resources": ["bgpfilters"], "verbs": verbs[:3]},
        {"apiGroups": [""], "resources": ["nodes", "secrets"], "verbs": verbs},
    ]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "restorer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "restorer"},
        "subjects": [{"kind": "User", "name": "restorer", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    with without_objects(second):
        calico_crds.apply(second, {**role, "rules": rules}, binding)
        Writer(second).put(*BARE_NODES)
        kubeconfig = second.client_certificate_kubeconfig("restorer")
        must(second, "auth", "can-i", "create", "bgppeers.projectcalico.org", "--as=restorer")
        done = bgpctl("restore", archive, "--kubeconfig", kubeconfig, "--apply", "--yes")
        assert done.returncode == 2, done.stdout + done.stderr
        assert "BGPFilter/out: the API server refuses to patch bgpfilters.projectcalico.org" in done.stderr
        assert "nothing is written" in done.stderr
        assert must(second, "get", "bgppeers,ippools,bgpconfigurations", "--output=name") == ""
        must(second, "delete", "nodes", "--all")


def test_what_changed_after_the_dry_run_stops_it_and_is_named(cluster: ApiServer, archive: Path) -> None:
    writer = Writer(cluster)
    writer.put(calico("BGPFilter", "out", exportV4=[{"action": "Reject"}]))
    writer.put(calico("BGPPeer", "tor", node="a", peerIP="10.0.0.9", asNumber=65009))
    target = ClusterTarget(Access(kubeconfig=cluster.admin_kubeconfig))
    rehearsal = target.rehearse(open_archive(archive).objects, prune=False)
    assert [str(each.id) for each in rehearsal.written] == ["BGPFilter/out", "BGPPeer/tor"]
    writer.put(calico("BGPFilter", "out", exportV4=[{"action": "Accept"}]))
    filtered, peered = target.write(rehearsal)
    assert "was changed since it was read" in filtered.failed
    assert (peered.is_begun, peered.failed) == (False, "not begun, after the failure")
    assert now(cluster, "bgppeer", "tor")["spec"]["asNumber"] == 65009
    assert now(cluster, "bgpfilter", "out")["spec"]["exportV4"] == [{"action": "Accept"}]
    assert restored(cluster, archive, "--apply", "--yes").returncode == 0
    assert now(cluster, "bgpfilter", "out")["spec"] == FILTER["spec"]


def test_a_cluster_that_is_away_is_not_half_restored(cluster: ApiServer, archive: Path) -> None:
    cluster.kill_api_server()
    done = restored(cluster, archive, "--apply")
    assert (done.returncode, "does not answer" in done.stderr or "cannot read" in done.stderr) == (2, True), done.stderr
    cluster.start_what_was_killed()


def test_what_parts_nodes_is_not_written_without_yes(cluster: ApiServer, archive: Path) -> None:
    """Since the snapshot a node has come, whose only way are sessions that the archive has not."""
    writer = Writer(cluster)
    later = node("c", 4)
    writer.put(later, calico("BGPPeer", "reflectors", nodeSelector="!has(other)", peerSelector="has(reflector)"))
    must(cluster, "label", "node", "c", "reflector=no")
    peer = calico("BGPPeer", "c", node="c", peerIP="10.0.0.3", asNumber=64512)
    writer.put(
        peer, calico("BlockAffinity", "c-block", node="c", cidr="192.168.4.0/26", state="confirmed", type="host")
    )
    done = restored(cluster, archive, "--apply", "--prune")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "nothing is written: it parts nodes" in done.stderr
    assert now(cluster, "bgppeer", "c")["spec"]["node"] == "c"
    writer.delete(later)


def test_a_snapshot_is_whole_or_there_is_none(cluster: ApiServer, tmp_path: Path) -> None:
    """A role that may not list IPPools."""
    kubeconfig = cluster.client_certificate_kubeconfig("somebody")
    done = bgpctl("snapshot", "--kubeconfig", kubeconfig, "-o", tmp_path / "s.tar.gz")
    assert done.returncode == 1
    assert "the API server refuses to list ippools.projectcalico.org" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_only_read_where_they_are_wanted(cluster: ApiServer, tmp_path: Path) -> None:
    asked = len(cluster.requests())
    done = bgpctl("snapshot", "--kubeconfig", cluster.admin_kubeconfig, "-o", tmp_path / "s.tar.gz")
    assert "  Secret kube-system/bgp (tor): named, and not in the archive" in done.stdout.splitlines()

    def asked_for() -> set[str]:
        return {each.resource for each in cluster.requests()[asked:] if each.user == "admin"}

    eventually(
        lambda: "caliconodestatuses.projectcalico.org" in asked_for(), "the audit log has the requests of the snapshot"
    )
    assert "secrets" not in asked_for()
    dry = restored(cluster, tmp_path / "s.tar.gz")
    assert "not in the archive: Secret kube-system/bgp (tor), which sessions name" in dry.stdout


def step(rehearsal: Rehearsal, name: str) -> Step:
    return next(each for each in rehearsal.steps if str(each.id) == name)


def test_a_peer_of_a_filter_that_is_only_to_come_is_not_tried(
    cluster: ApiServer, second: ApiServer, archive: Path
) -> None:
    with without_objects(second):
        Writer(second).put(*BARE_NODES)
        target = ClusterTarget(Access(kubeconfig=second.admin_kubeconfig))
        rehearsal = target.rehearse(open_archive(archive).objects, prune=False)
        assert [each.is_tried for each in (step(rehearsal, "BGPPeer/tor"), step(rehearsal, "BGPPeer/reflectors"))] == [
            False,
            True,
        ]
        assert step(rehearsal, "Node/a").action is Action.CONFIGURED
        must(second, "delete", "nodes", "--all")


def test_what_kubectl_prints_is_the_same_cluster(cluster: ApiServer, tmp_path: Path) -> None:
    """The line for an export that the documentation has; a password is not in it."""
    kinds = ("bgppeers", "bgpconfigurations", "bgpfilters", "ippools", "blockaffinities", "felixconfigurations")
    named = ",".join(f"{kind}.projectcalico.org" for kind in kinds)
    file = tmp_path / "cluster.yaml"
    file.write_text(must(cluster, "get", f"nodes,{named}", "--output=yaml"))
    validated = bgpctl("validate", file)
    assert (validated.returncode, "0 errors" in validated.stdout) == (0, True), validated.stdout
    must(cluster, "delete", "secret", "bgp", "--namespace=kube-system")
    assert bgpctl("proof", file).stdout == bgpctl("proof", "--kubeconfig", cluster.admin_kubeconfig).stdout
    done = bgpctl("diff", "--kubeconfig", cluster.admin_kubeconfig, file)
    assert (done.returncode, done.stdout) == (0, "nothing changes on 3 nodes\n"), done.stdout + done.stderr


def test_the_etcd_of_calico_3_into_the_kubernetes_api(cluster: ApiServer, second: ApiServer, tmp_path: Path) -> None:
    """Dump, migrate, snapshot, restore: nodes have other names in Kubernetes than Calico gave them."""
    keys = {
        f"/calico/resources/v3/projectcalico.org/{each['kind'].lower()}s/{each['metadata']['name']}": json.dumps(each)
        for each in [
            *(
                calico(
                    "Node", f"old-{name}", bgp={"ipv4Address": f"10.0.0.{number}/24"},
                    orchRefs=[{"orchestrator": "k8s", "nodeName": name}],
                )
                for number, name in enumerate(NAMES, 1)
            ),
            calico("BGPPeer", "tor", node="old-a", peerIP="10.0.0.9", asNumber=65001),
            calico("IPPool", "pods", cidr="192.168.0.0/16"),
            calico("BGPConfiguration", "node.old-b", listenPort=1790),
        ]
    } | {"/calico/ipam/v2/host/old-a/ipv4/block/192.168.1.0-26": '{"state": "confirmed"}'}  # fmt: skip
    (tmp_path / "dump.json").write_text(json.dumps(keys))
    words = ["--for-kubernetes", "-o", tmp_path / "resources", "--apply"]
    for command in (
        ["migrate", tmp_path / "dump.json", *words],
        ["snapshot", tmp_path / "resources", "-o", tmp_path / "s.tar.gz"],
    ):
        done = bgpctl(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    with without_objects(second):
        Writer(second).put(*BARE_NODES)
        done = restored(second, tmp_path / "s.tar.gz", "--apply")
        assert done.returncode == 0, done.stdout + done.stderr
        files = read_directory(tmp_path / "resources").resources
        assert plans(second) == {each.plan.node: encode_plan(each.plan) for each in compile_cluster(files, OPTIONS)}
        must(second, "delete", "nodes", "--all")
