"""The controller against a real API server: plans of labs, changes, replicas, and what goes wrong around it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import calico_crds
import controllers
import pytest
from api_server import ApiServer
from controllers import ControllerProcess
from segment import eventually

from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from bgpctl.node_plan.spec import digest_of_plan
from reflector.plan import NodePlan

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

LABS = controllers.ROOT / "labs"
QUICKSTART = "quickstart"
BY_REFERENCE = CompileOptions(keys_by_reference=True)
NAMESPACE = f"--namespace={controllers.SYSTEM}"
LEASE = ("get", "lease", "bgpctl-controller", NAMESPACE, "--ignore-not-found", "--output=json")


def of_directory(lab: str) -> dict[str, NodePlan]:
    resources = read_directory(LABS / lab / "resources").resources
    return {each.plan.node: each.plan for each in compile_cluster(resources, BY_REFERENCE)}


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer) -> Iterator[ApiServer]:
    """With the kinds and the roles that a controller needs."""
    controllers.install(api_server)
    yield api_server
    calico_crds.remove(api_server, calico_crds.V3, (*calico_crds.KINDS, "Node"))
    calico_crds.run(api_server, "delete", "crd", "nodeplans.bgpctl.io")


@pytest.fixture
def lab(cluster: ApiServer, inside_its_network: None) -> Iterator[Callable[[str], None]]:
    """Puts a lab's resources into the cluster, and takes them out in the end."""
    applied: list[dict[str, object]] = []

    def apply(name: str) -> None:
        applied.extend(controllers.apply_lab(cluster, name))

    yield apply
    cluster.start_what_was_killed()
    controllers.delete(cluster, applied)
    calico_crds.run(cluster, "delete", "nodeplans", "--all")
    calico_crds.run(cluster, "delete", "lease", "--all", NAMESPACE)


@pytest.fixture
def controller(
    cluster: ApiServer, inside_its_network: None, tmp_path: Path
) -> Iterator[Callable[[str], ControllerProcess]]:
    made: list[ControllerProcess] = []

    def make(name: str) -> ControllerProcess:
        made.append(ControllerProcess(cluster, tmp_path / name, name))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.close()


def holder(server: ApiServer) -> str:
    found = calico_crds.run(server, *LEASE)
    return str(json.loads(found)["spec"].get("holderIdentity", "")) if found else ""


def wait_for_plans(server: ApiServer, wanted: dict[str, NodePlan]) -> None:
    digests = {name: digest_of_plan(plan) for name, plan in wanted.items()}
    eventually(lambda: found_digests(server) == digests, "the plans are those of the resources", within=40)
    assert controllers.plans(server) == wanted


def found_digests(server: ApiServer) -> dict[str, str]:
    return {name: spec.digest for name, spec in controllers.specs(server).items()}


@pytest.mark.parametrize("name", [QUICKSTART, "upstream-policies", "vxlan-cross-subnet", "full-mesh"])
def test_the_plans_of_a_cluster_are_those_of_its_directory(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess], name: str
) -> None:
    lab(name)
    controller("one")
    wait_for_plans(cluster, of_directory(name))


def test_a_change_is_written_within_a_second_and_only_where_it_differs(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    before = versions(cluster)
    block = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "BlockAffinity",
        "metadata": {"name": "a1-more"},
        "spec": {"node": "a1", "cidr": "10.244.99.0/26", "state": "confirmed"},
    }
    began = time.monotonic()
    calico_crds.apply(cluster, block)
    try:
        eventually(lambda: versions(cluster) != before, "a plan differs", within=10)
        took = time.monotonic() - began
        assert {name for name, version in versions(cluster).items() if version != before[name]} == {"a1"}
        assert any(each.prefix == "10.244.99.0/26" for each in controllers.plans(cluster)["a1"].originations)
        assert took < 3, "with kubectl's own starts"
    finally:
        controllers.delete(cluster, [block])


def versions(server: ApiServer) -> dict[str, str]:
    found = json.loads(calico_crds.run(server, "get", "nodeplans", "--output=json"))
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found["items"]}


def test_labels_and_annotations_of_others_stay_and_an_edited_plan_is_put_right(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    first = controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    assert first.end() == 0
    calico_crds.run(cluster, "annotate", "nodeplan", "a1", "team=network")
    patch = json.dumps({"spec": {"digest": "0" * 12}})
    calico_crds.run(cluster, "patch", "nodeplan", "a1", "--type=merge", f"--patch={patch}")
    controller("two")
    eventually(lambda: controllers.specs(cluster)["a1"].digest != "0" * 12, "the plan is put right", within=20)
    wait_for_plans(cluster, of_directory(QUICKSTART))
    found = json.loads(calico_crds.run(cluster, "get", "nodeplan", "a1", "--output=json"))
    assert found["metadata"]["annotations"]["team"] == "network"


def test_a_second_replica_writes_when_the_first_is_killed_and_only_then(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    one = controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    controller("two")
    assert holder(cluster) == "one"
    one.end(signal.SIGKILL)
    calico_crds.run(cluster, "delete", "nodeplan", "a1")
    eventually(lambda: holder(cluster) == "two", "the Lease of a dead holder ends", within=40)
    wait_for_plans(cluster, of_directory(QUICKSTART))


def test_a_replica_that_ends_gives_the_lease_back(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    one = controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    controller("two")
    assert one.end() == 0
    eventually(lambda: holder(cluster) == "two", "the next one need not wait for its end", within=10)


def test_a_leader_that_stood_still_writes_nothing_old(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    """It comes back to a cluster that another has written: its own Lease was over, by its own clock."""
    lab(QUICKSTART)
    one = controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    controller("two")
    one.freeze()
    eventually(lambda: holder(cluster) == "two", "the Lease ends", within=40)
    lab("reflector-pair")
    expected = {**of_directory(QUICKSTART)}
    eventually(lambda: len(controllers.plans(cluster)) > len(expected), "the second one writes", within=40)
    now = eventually(lambda: at_rest(cluster), "written in full", within=40)
    one.thaw()
    eventually(lambda: "another writes" in one.log.read_text(), "the first one has noticed", within=20)
    assert (versions(cluster), holder(cluster)) == (now, "two")


def at_rest(server: ApiServer) -> dict[str, str] | None:
    before = versions(server)
    time.sleep(1.0)
    return before if versions(server) == before else None


def test_an_api_server_that_was_away_and_an_etcd_that_forgot_are_followed_on(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    one = controller("one")
    wait_for_plans(cluster, of_directory(QUICKSTART))
    cluster.kill_api_server()
    cluster.start_api_server()
    calico_crds.run(cluster, "delete", "nodeplan", "a1", "b1")
    cluster.compact()
    wait_for_plans(cluster, of_directory(QUICKSTART))
    assert one.end() == 0
    assert "Traceback" not in one.log.read_text()


def test_nodes_that_are_all_gone_take_no_plans_with_them(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[[str], ControllerProcess]
) -> None:
    lab(QUICKSTART)
    one = controller("one")
    wanted = of_directory(QUICKSTART)
    wait_for_plans(cluster, wanted)
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "a3")
    eventually(lambda: "a3" not in controllers.plans(cluster), "the plan of one node goes with it", within=20)
    calico_crds.run(cluster, "delete", "nodes.projectcalico.org", "--all")
    eventually(lambda: "most nodes are gone, their plans stay" in one.log.read_text(), "that is held", within=20)
    assert controllers.plans(cluster).keys() == wanted.keys() - {"a3"}


FORBIDDEN = [
    ("list", "secrets"),
    ("get", "secrets"),
    ("delete", "nodes"),
    ("patch", "bgppeers.projectcalico.org"),
    ("create", "pods"),
    ("update", "nodeplans.bgpctl.io/status"),
]
ALLOWED = [("list", "bgppeers.projectcalico.org"), ("watch", "nodes"), ("patch", "nodeplans.bgpctl.io")]
CELLS = [(*each, "no") for each in FORBIDDEN] + [(*each, "yes") for each in ALLOWED]


@pytest.mark.parametrize(
    ("verb", "resource", "answer"), [(*each, "no") for each in FORBIDDEN] + [(*each, "yes") for each in ALLOWED]
)
def test_the_role_of_the_controller(
    cluster: ApiServer, inside_its_network: None, verb: str, resource: str, answer: str
) -> None:
    account = f"--as=system:serviceaccount:{controllers.SYSTEM}:{controllers.ACCOUNT}"
    done = cluster.kubectl("auth", "can-i", verb, resource, account, "--all-namespaces")
    assert done.stdout.strip() == answer


BAD_PLANS = {
    "neither": {"node": "a1", "digest": "0" * 12},
    "both": {"node": "a1", "digest": "0" * 12, "plan": {}, "compressed": "aa=="},
    "of another node": {"node": "a2", "digest": "0" * 12, "plan": {}},
    "no digest": {"node": "a1", "plan": {}},
}


@pytest.mark.parametrize("case", BAD_PLANS)
def test_what_is_no_node_plan_is_refused_by_the_api(cluster: ApiServer, inside_its_network: None, case: str) -> None:
    data = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": "a1"}, "spec": BAD_PLANS[case]}
    assert cluster.kubectl("create", "-f", "-", stdin=json.dumps(data)).returncode == 1
