"""The datastore against a real API server: what arrives, how soon, and what stays while something is wrong."""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from segment import eventually
from watched_cluster import (
    Object,
    Watched,
    Writer,
    block,
    calico,
    information,
    node,
    peer,
    service_account,
)

from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.intervals import Intervals
from bgpctl.resources import Loaded
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import V1, V3

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

OLD = "crd.projectcalico.org/v1"
# What the datastore promises for a change that nothing stands in the way of.
SOON = 1.0
CALICO_PATHS = [f"/apis/projectcalico.org/v3/{calico_crds.PLURALS[kind]}" for kind in calico_crds.KINDS]


@pytest.fixture(scope="module")
def calico_server(api_server: ApiServer, api_server_network: str) -> Iterator[ApiServer]:
    """With the CRDs of Calico's newer group."""
    calico_crds.install(api_server, V3)
    yield api_server
    calico_crds.remove(api_server, V3)


@pytest.fixture
def writer(calico_server: ApiServer, inside_its_network: None) -> Iterator[Writer]:
    """Of a cluster that has one node and one peer; everything is deleted in the end."""
    writer = Writer(calico_server)
    writer.put(node("a1", "10.0.0.1/24"), peer("tor", "10.0.0.9"), information())
    yield writer
    calico_server.start_what_was_killed()
    writer.delete_all("/api/v1/nodes", *CALICO_PATHS)


@pytest.fixture
def admin(calico_server: ApiServer) -> Access:
    return Access(kubeconfig=calico_server.admin_kubeconfig)


def peers(loaded: Loaded) -> list[str]:
    return list(loaded.resources.bgp_peers)


def problem(loaded: Loaded, code: str) -> str:
    return next((str(each) for each in loaded.problems if each.code == code), "")


# ------------------------------------------------------------------------------------- what arrives


@pytest.mark.parametrize("watch_list", [True, False], ids=["watch", "list"])
def test_a_cluster_is_read(writer: Writer, admin: Access, watch_list: bool) -> None:
    loaded = read_cluster(admin, ClusterOptions(watch_list=watch_list))
    assert (list(loaded.resources.nodes), peers(loaded), loaded.problems) == (["a1"], ["tor"], ())
    assert loaded.resources.nodes["a1"].address(4) == "10.0.0.1"


def test_changes_arrive_soon(writer: Writer, admin: Access) -> None:
    with Watched(admin) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        for change, expected in (
            (lambda: writer.put(peer("tor-2", "10.0.0.8")), {"tor": "10.0.0.9", "tor-2": "10.0.0.8"}),
            (lambda: writer.put(peer("tor-2", "10.0.0.7")), {"tor": "10.0.0.9", "tor-2": "10.0.0.7"}),
            (lambda: writer.delete(peer("tor", "")), {"tor-2": "10.0.0.7"}),
        ):
            change()
            written = time.monotonic()
            watched.until(lambda loaded: addresses(loaded) == expected, str(expected))  # noqa: B023
            assert watched.times[-1] - written < SOON


def addresses(loaded: Loaded) -> dict[str, str]:
    return {name: each.spec.peer_ip for name, each in loaded.resources.bgp_peers.items()}


def test_heartbeats_yield_nothing(writer: Writer, admin: Access) -> None:
    with Watched(admin) as watched:
        watched.until(lambda loaded: bool(loaded.resources.nodes), "the first value")
        before = len(watched.values)
        for beat in range(30):
            writer.put_status(heartbeat(beat))
        writer.put(peer("tor-2", "10.0.0.8"))
        watched.until(lambda loaded: len(peers(loaded)) == 2, "a change that is one")
        assert len(watched.values) == before + 1


def heartbeat(beat: int) -> Object:
    moment = f"2026-01-01T00:00:{beat:02}Z"
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": moment, "lastTransitionTime": moment}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a1"}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize("watch_list", [True, False], ids=["watch", "list"])
def test_more_than_a_thousand_objects_come_in_pages(
    writer: Writer, admin: Access, calico_server: ApiServer, watch_list: bool
) -> None:
    writer.put(*map(block, range(1200)))
    with Watched(admin, ClusterOptions(watch_list=watch_list)) as watched:
        loaded = watched.until(lambda loaded: bool(loaded.resources), "the first value")
        assert len(loaded.resources.block_affinities) == 1200
        writer.delete(block(700))
        watched.until(lambda loaded: len(loaded.resources.block_affinities) == 1199, "one less")
    asked = [each.uri for each in calico_server.requests() if "blockaffinities" in each.uri and each.user == "admin"]
    assert watch_list or any("continue=" in uri for uri in asked)


def test_problems_name_the_resource_and_the_field(writer: Writer, admin: Access) -> None:
    writer.put(peer("bad", "nonsense"))
    loaded = read_cluster(admin, ClusterOptions())
    assert peers(loaded) == ["tor"]
    assert str(loaded.problems[0]).startswith("BGPPeer/bad: error: BGPPeer/bad $.spec.peerIP: 'nonsense' is not")
    assert [(each.kind, each.key) for each in loaded.unusable] == [("BGPPeer", "bad")]


def test_services_are_read_where_they_are_advertised(
    writer: Writer, admin: Access, fresh_namespace: str, calico_server: ApiServer
) -> None:
    before = len(calico_server.requests())
    web = {"ports": [{"port": 80}], "clusterIP": "10.96.7.7"}
    metadata = {"name": "web", "namespace": fresh_namespace}
    writer.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": web})
    with Watched(admin) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        watches = [each for each in calico_server.requests()[before:] if each.verb in ("list", "watch")]
        assert not {"services", "endpointslices.discovery.k8s.io"} & {each.resource for each in watches}
        writer.put(calico("BGPConfiguration", "default", serviceClusterIPs=[{"cidr": "10.96.0.0/16"}]))
        key = (fresh_namespace, "web")
        loaded = watched.until(lambda loaded: bool(loaded.resources.bgp_configurations), "the configuration")
        assert loaded.resources.services[key].spec.cluster_ip == "10.96.7.7", "not before the Services are known"
        writer.delete(calico("BGPConfiguration", "default"))
        watched.until(lambda loaded: not loaded.resources.services, "no Services again")


def test_secrets_are_read_by_name(writer: Writer, admin: Access, fresh_namespace: str) -> None:
    options = ClusterOptions(secret_namespace=fresh_namespace, intervals=Intervals(secrets=0.5))
    writer.put(peer("tor", "10.0.0.9", password={"secretKeyRef": {"name": "bgp", "key": "tor"}}))
    with Watched(admin, options) as watched:
        loaded = watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        assert not loaded.resources.secrets
        for password in ("first", "second"):
            writer.put(secret(fresh_namespace, tor=password, other="unseen"))
            watched.until(lambda loaded: passwords(loaded) == {"tor": password}, password)  # noqa: B023
        writer.delete(secret(fresh_namespace))
        watched.until(lambda loaded: not loaded.resources.secrets, "no Secret")
    assert "first" not in repr(watched.notices)


def secret(namespace: str, **values: str) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bgp", "namespace": namespace}, "data": data}


def passwords(loaded: Loaded) -> dict[str, str | None]:
    return {key: each.value(key) for each in loaded.resources.secrets.values() for key in each.data}


# ------------------------------------------------------------------------- while something is wrong


def test_what_was_read_stays_while_the_api_server_is_killed_and_started(
    writer: Writer, admin: Access, calico_server: ApiServer
) -> None:
    with Watched(admin, ClusterOptions(intervals=Intervals(away_for=1.0))) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        calico_server.kill_api_server()
        watched.until(lambda loaded: bool(problem(loaded, "cluster-unreachable")), "a warning")
        calico_server.start_api_server()
        writer.put(peer("tor-2", "10.0.0.8"))
        watched.until(lambda loaded: len(peers(loaded)) == 2 and not loaded.problems, "all well", 60)
        assert all("tor" in peers(each) and "a1" in each.resources.nodes for each in watched.values)


def test_a_forgotten_version_costs_no_resource(writer: Writer, admin: Access, calico_server: ApiServer) -> None:
    writer.put(*map(block, range(50)))
    with Watched(admin) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        calico_server.kill_api_server()
        calico_server.compact()
        calico_server.start_api_server()
        writer.delete(block(0))
        writer.put(peer("tor-2", "10.0.0.8"))
        watched.until(lambda loaded: len(peers(loaded)) == 2 and not loaded.problems, "all well", 60)
        watched.until(lambda loaded: len(loaded.resources.block_affinities) == 49, "one less")
        assert all(len(each.resources.block_affinities) >= 49 for each in watched.values)


def test_an_api_server_that_is_away_at_first_is_waited_for(
    writer: Writer, admin: Access, calico_server: ApiServer
) -> None:
    calico_server.kill_api_server()
    with pytest.raises(NotReadyError, match="cannot read the cluster"):
        read_cluster(admin, ClusterOptions())
    with Watched(admin) as watched:
        eventually(lambda: watched.notices, "a notice")
        assert not watched.values
        calico_server.start_api_server()
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value", within=60)


# -------------------------------------------------------------------------------------- credentials


def test_a_new_token_in_the_file_is_used_when_the_old_one_is_refused(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_pod(calico_server, monkeypatch)
    grant(calico_server, fresh_namespace, everything())
    writer.put(node("bound", "10.0.0.3/24"))
    bound = calico_server.token("default", fresh_namespace, node_name="bound")
    directory = service_account(tmp_path / "account", calico_server, bound)
    with Watched(Access(in_cluster=True, service_account=directory)) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        (directory / "token").write_text(calico_server.token("default", fresh_namespace))
        # That ends the first token; the API server remembers for ten seconds that it was right, unless it starts again.
        writer.delete(node("bound", ""))
        calico_server.kill_api_server()
        calico_server.start_api_server()
        writer.put(peer("tor-2", "10.0.0.8"))
        watched.until(lambda loaded: len(peers(loaded)) == 2, "a change after that", within=60)


def test_an_expired_token_is_waited_for_until_there_is_another(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_pod(calico_server, monkeypatch)
    grant(calico_server, fresh_namespace, everything())
    expired = calico_server.token("default", fresh_namespace, seconds=-600)
    directory = service_account(tmp_path / "account", calico_server, expired)
    access = Access(in_cluster=True, service_account=directory)
    with pytest.raises(NotReadyError, match="401"):
        read_cluster(access, ClusterOptions())
    with Watched(access) as watched:
        eventually(lambda: any("401" in each.message for each in watched.notices), "a notice")
        (directory / "token").write_text(calico_server.token("default", fresh_namespace))
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value", within=60)


def test_a_program_gives_the_token(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str, tmp_path: Path
) -> None:
    grant(calico_server, fresh_namespace, everything())
    token = calico_server.token("default", fresh_namespace)
    program = tmp_path / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    program.chmod(stat.S_IRWXU)
    kubeconfig = json.loads(calico_server.token_kubeconfig(token).read_text())
    kubeconfig["users"][0]["user"] = {
        "exec": {"apiVersion": answer["apiVersion"], "command": str(program), "interactiveMode": "Never"}
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig))
    assert peers(read_cluster(Access(kubeconfig=file), ClusterOptions())) == ["tor"]
    program.write_text("#!/bin/sh\necho nothing; exit 1\n")
    with pytest.raises(NotReadyError, match=r"no credentials: Exec .* returned 1"):
        read_cluster(Access(kubeconfig=file), ClusterOptions())


def in_a_pod(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", server.address)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))


# -------------------------------------------------------------------------------------------- roles


def everything(without: str = "", verbs: tuple[str, ...] = ("list", "watch")) -> list[dict[str, Any]]:
    """The rules of docs/kubernetes-datastore.md, without one kind of Calico."""
    plurals = [
        plural for kind, plural in calico_crds.PLURALS.items() if kind in calico_crds.KINDS and plural != without
    ]
    return [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]},
        {"apiGroups": ["projectcalico.org"], "resources": plurals, "verbs": list(verbs)},
        {
            "apiGroups": ["migration.projectcalico.org"],
            "resources": ["datastoremigrations"],
            "verbs": ["list", "watch"],
        },
    ]


def grant(server: ApiServer, namespace: str, rules: list[dict[str, Any]]) -> None:
    """To the ServiceAccount `default`."""
    name = f"datastore-{namespace}"
    rbac = "rbac.authorization.k8s.io"
    calico_crds.apply(
        server,
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        },
    )


def as_account(server: ApiServer, namespace: str) -> Access:
    return Access(kubeconfig=server.token_kubeconfig(server.token("default", namespace)))


def test_the_documented_roles_are_enough_and_nothing_is_written(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str
) -> None:
    grant(calico_server, fresh_namespace, everything())
    loaded = read_cluster(as_account(calico_server, fresh_namespace), ClusterOptions())
    assert (peers(loaded), loaded.problems) == (["tor"], ())
    user = f"system:serviceaccount:{fresh_namespace}:default"
    verbs = {each.verb for each in calico_server.requests() if each.user == user}
    assert verbs <= {"get", "list", "watch"}


def test_a_role_that_lacks_a_kind_costs_only_that_kind(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str
) -> None:
    grant(calico_server, fresh_namespace, everything(without="bgppeers"))
    with Watched(
        as_account(calico_server, fresh_namespace), ClusterOptions(intervals=Intervals(not_served=1.0))
    ) as watched:
        loaded = watched.until(lambda loaded: bool(loaded.resources.nodes), "the first value")
        assert peers(loaded) == []
        said = problem(loaded, "cluster-forbidden")
        assert "refuses to list bgppeers.projectcalico.org, so none of its resources are known" in said
        assert "give the role the verb list for bgppeers in the API group 'projectcalico.org'" in said
        assert [(each.kind, each.key, each.file) for each in loaded.unusable] == [("", None, "BGPPeer")]
        writer.put(node("a2", "10.0.0.2/24"))
        watched.until(lambda loaded: "a2" in loaded.resources.nodes, "the rest goes on")
        grant(calico_server, fresh_namespace, everything())
        watched.until(lambda loaded: peers(loaded) == ["tor"] and not loaded.problems, "all well")
        grant(calico_server, fresh_namespace, everything(without="bgppeers"))
        calico_server.kill_api_server()
        calico_server.start_api_server()
        loaded = watched.until(lambda loaded: bool(problem(loaded, "cluster-forbidden")), "refused again")
        assert (peers(loaded), loaded.unusable) == (["tor"], ()), "what was read stays"


def test_without_the_verb_watch_a_kind_is_listed_from_time_to_time(
    writer: Writer, calico_server: ApiServer, fresh_namespace: str
) -> None:
    grant(calico_server, fresh_namespace, everything(verbs=("list",)))
    with Watched(
        as_account(calico_server, fresh_namespace), ClusterOptions(intervals=Intervals(not_served=1.0))
    ) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        watched.until(lambda loaded: "refuses to watch bgppeers" in str(loaded.problems), "the verb")
        writer.put(peer("tor-2", "10.0.0.8"))
        watched.until(lambda loaded: len(peers(loaded)) == 2, "the next list")
        assert "refuses to watch bgppeers" in str(watched.now.problems)


# ------------------------------------------------------------------------------ locks and migrations


def test_nothing_new_is_used_while_the_datastore_is_locked(writer: Writer, admin: Access) -> None:
    with Watched(admin) as watched:
        watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
        writer.put(information(ready=False))
        watched.until(lambda loaded: bool(problem(loaded, "datastore-locked")), "a warning")
        writer.delete(peer("tor", ""))
        writer.put(peer("tor-2", "10.0.0.8"), node("a2", "10.0.0.2/24"))
        watched.stays(lambda loaded: (peers(loaded), list(loaded.resources.nodes)) == (["tor"], ["a1"]), "as it was")
        with pytest.raises(NotReadyError, match="datastoreReady is false"):
            read_cluster(admin, ClusterOptions())
        writer.put(information())
        watched.until(lambda loaded: not loaded.problems, "unlocked")
        assert (peers(watched.now), list(watched.now.resources.nodes)) == (["tor-2"], ["a1", "a2"])
        assert all(len(peers(each)) == 1 for each in watched.values)


def test_a_migration_from_v1_to_v3_loses_nothing(calico_server: ApiServer, writer: Writer, admin: Access) -> None:
    """In the order in which Calico's controller does it."""
    writer.delete_all(*CALICO_PATHS)
    calico_crds.remove(calico_server, V3)
    calico_crds.install(calico_server, V1)
    calico_crds.install(calico_server, calico_crds.MIGRATION, ["DatastoreMigration"])
    copied = [peer("tor", "10.0.0.9", OLD), *(block(number, OLD) for number in range(20))]
    writer.put(information(OLD), *copied)
    try:
        with Watched(admin) as watched:
            watched.until(lambda loaded: len(loaded.resources) == 23, "the older group")
            migrate(calico_server, writer, "Pending")
            calico_crds.install(calico_server, V3)
            watched.stays(lambda loaded: len(loaded.resources) == 23, "the older group, though the newer is served")
            migrate(calico_server, writer, "Migrating")
            writer.put(information(OLD, ready=False), information(ready=False))
            for each in copied:
                writer.put({**each, "apiVersion": "projectcalico.org/v3"})
            writer.put(information())
            migrate(calico_server, writer, "Converged")
            watched.until(lambda loaded: not loaded.problems and is_newer(watched), "the newer group")
            calico_crds.remove(calico_server, V1)
            writer.put(peer("tor-2", "10.0.0.8"))
            watched.until(lambda loaded: len(peers(loaded)) == 2, "a change in the newer group")
            assert {len(each.resources) for each in watched.values} == {23, 24}
    finally:
        calico_crds.remove(calico_server, V1)
        calico_crds.remove(calico_server, calico_crds.MIGRATION, ["DatastoreMigration"])
        calico_crds.install(calico_server, V3)


def test_a_migration_that_takes_the_newer_group_away_first_loses_nothing(
    calico_server: ApiServer, writer: Writer, admin: Access
) -> None:
    """So it is where Calico's own API server has v3 out of v1: what is there without it is empty."""
    calico_crds.install(calico_server, V1)
    calico_crds.install(calico_server, calico_crds.MIGRATION, ["DatastoreMigration"])
    writer.put(information(OLD), peer("tor", "10.0.0.9", OLD))
    try:
        with Watched(admin) as watched:
            watched.until(lambda loaded: peers(loaded) == ["tor"], "the first value")
            assert is_newer(watched)
            migrate(calico_server, writer, "Pending")
            eventually(lambda: not is_newer(watched), "the older group")
            writer.delete_all(*CALICO_PATHS)
            calico_crds.remove(calico_server, V3)
            calico_crds.install(calico_server, V3)
            writer.put(peer("tor-2", "10.0.0.8", OLD))
            watched.until(lambda loaded: len(peers(loaded)) == 2, "the older group is followed")
            writer.put(information(), peer("tor", "10.0.0.9"), peer("tor-2", "10.0.0.8"))
            migrate(calico_server, writer, "Converged")
            eventually(lambda: is_newer(watched), "the newer group")
            assert all("tor" in peers(each) for each in watched.values)
    finally:
        calico_crds.remove(calico_server, V1)
        calico_crds.remove(calico_server, calico_crds.MIGRATION, ["DatastoreMigration"])


def is_newer(watched: Watched) -> bool:
    groups = [each.message for each in watched.notices if "API group that is read" in each.message]
    return groups[-1].endswith("projectcalico.org/v3")


def migrate(server: ApiServer, writer: Writer, phase: str) -> None:
    version = "migration.projectcalico.org/v1beta1"
    name = {"name": "v1-to-v3"}
    writer.put({"apiVersion": version, "kind": "DatastoreMigration", "metadata": name, "status": {"phase": phase}})


def test_a_newer_group_that_is_not_filled_is_not_used(calico_server: ApiServer, writer: Writer, admin: Access) -> None:
    """Without any DatastoreMigration: the CRDs are installed, and later somebody copies."""
    writer.delete_all(*CALICO_PATHS)
    calico_crds.install(calico_server, V1)
    writer.put(information(OLD), peer("tor", "10.0.0.9", OLD), peer("tor-2", "10.0.0.8", OLD))
    try:
        with Watched(admin, ClusterOptions(intervals=Intervals(groups=0.5))) as watched:
            watched.until(lambda loaded: len(peers(loaded)) == 2, "the older group")
            assert not is_newer(watched)
            writer.put(information(), peer("tor", "10.0.0.9"))
            eventually(lambda: any("BGPPeer 1 of 2" in each.message for each in watched.notices), "a notice")
            writer.put(node("a2", "10.0.0.2/24"))
            watched.until(lambda loaded: "a2" in loaded.resources.nodes, "the older group is followed")
            writer.put(peer("tor-2", "10.0.0.8"))
            eventually(lambda: is_newer(watched), "the newer group")
            writer.put(peer("tor-3", "10.0.0.7"))
            watched.until(lambda loaded: len(peers(loaded)) == 3, "a change in the newer group")
            assert all(len(peers(each)) >= 2 and not each.problems for each in watched.values)
    finally:
        calico_crds.remove(calico_server, V1)


def test_a_cluster_without_calico_has_its_nodes(calico_server: ApiServer, writer: Writer, admin: Access) -> None:
    calico_crds.remove(calico_server, V3)
    try:
        loaded = read_cluster(admin, ClusterOptions())
        assert (list(loaded.resources.nodes), len(loaded.resources), loaded.problems) == (["a1"], 1, ())
    finally:
        calico_crds.install(calico_server, V3)
