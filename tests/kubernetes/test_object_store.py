"""The API server as a datastore of objects: applied by the server on top of what was looked at, with the roles that
this needs, in the group that the cluster uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from crd_copies import must, server_with_copies, without_objects
from segment import eventually
from watched_cluster import Object, Writer, calico, information, node, peer

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.objects import (
    KINDS,
    Change,
    ObjectId,
    Outcome,
    Prepared,
    PreparedChange,
    Query,
    Store,
    kind_of,
    object_of,
    open_store,
)
from bgpctl.objects.cluster.estimate import estimate
from bgpctl.objects.kinds import kinds_named
from bgpctl.objects.label_selector import parse_label_selector
from bgpctl.objects.object import meaning
from bgpctl.objects.store import Event, Seen
from bgpctl.yaml_source.edit import same
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import V1, V3

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

T = TypeVar("T")
PEERS = Query(kinds_named("bgppeers"))
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %(name)s}
rules:
- {apiGroups: [projectcalico.org], resources: [bgppeers], verbs: [%(verbs)s]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %(name)s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %(name)s}
subjects: [{kind: User, name: %(name)s, apiGroup: rbac.authorization.k8s.io}]
"""


@pytest.fixture(scope="module")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("objects")) as server:
        yield server


@pytest.fixture
def cluster(api_server: ApiServer, inside_its_network: None) -> Iterator[ApiServer]:
    with without_objects(api_server):
        yield api_server
        api_server.start_what_was_killed()


@pytest.fixture
def writer(cluster: ApiServer) -> Writer:
    """Somebody else, whose field manager is `test`."""
    return Writer(cluster)


def inside(server: ApiServer, ask: Callable[[Store], Awaitable[T]], kubeconfig: Path | None = None) -> T:
    async def run() -> T:
        async with open_store(Access(kubeconfig=kubeconfig or server.admin_kubeconfig)) as store:
            return await ask(store)

    return asyncio.run(run())


def put(data: Object) -> Change:
    found = object_of(data)
    assert found is not None
    return Change(found.id, data)


def remove(kind: str, name: str, version: str = "projectcalico.org/v3") -> Change:
    found = kind_of(version, kind)
    assert found is not None
    return Change(ObjectId(found, name), None)


def apply(server: ApiServer, *changes: Change, **options: bool) -> list[tuple[str, str]]:
    """Outcome and failure of each."""

    async def run(store: Store) -> list[tuple[str, str]]:
        written = await store.write(await store.prepare(changes, **options))
        return [(each.prepared.outcome.value, each.failed) for each in written]

    return inside(server, run)


def prepare(server: ApiServer, *changes: Change, kubeconfig: Path | None = None, **options: bool) -> Prepared:
    async def run(store: Store) -> Prepared:
        return await store.prepare(changes, **options)

    return inside(server, run, kubeconfig)


def now(server: ApiServer, kind: str, name: str) -> Any:
    return json.loads(must(server, "get", kind, name, "--output=json", "--show-managed-fields"))


# ------------------------------------------------------------------------------------------------- reading


def test_objects_are_read_whole(cluster: ApiServer, writer: Writer) -> None:
    writer.put(peer("a", "10.0.0.1"), {**peer("b", "10.0.0.2"), "metadata": {"name": "b", "labels": {"rack": "b"}}})

    async def ask(store: Store) -> list[list[str]]:
        queries = (
            PEERS,
            Query(PEERS.kinds, names=("b", "c")),
            Query(PEERS.kinds, selector=parse_label_selector("rack in (b)")),
            Query(PEERS.kinds, metadata_only=frozenset(PEERS.kinds)),
        )
        answers = [await store.read(query) for query in queries]
        assert [answer.failures for answer in answers] == [()] * 4
        assert answers[0].objects[0].data["spec"]["peerIP"] == "10.0.0.1"
        assert "spec" not in answers[3].objects[0].data
        return [[each.id.name for each in answer.objects] for answer in answers]

    assert inside(cluster, ask) == [["a", "b"], ["b"], ["b"], ["a", "b"]]


def test_more_objects_than_a_page_has(cluster: ApiServer, writer: Writer) -> None:
    writer.put(*(peer(f"p{number}", "10.0.0.1") for number in range(620)))

    async def ask(store: Store) -> int:
        return len((await store.read(PEERS)).objects)

    assert inside(cluster, ask) == 620


def test_what_is_not_installed_is_a_sentence(cluster: ApiServer) -> None:
    async def ask(store: Store) -> tuple[str, ...]:
        return (await store.read(Query(kinds_named("nodeplans")))).failures

    assert inside(cluster, ask) == ("the API server has no nodeplans.bgpctl.io; are its definitions installed?",)


def test_without_an_api_server_nothing_pretends(cluster: ApiServer) -> None:
    cluster.kill_api_server()
    for query in (PEERS, Query(kinds_named("nodes")), Query(KINDS)):
        with pytest.raises(NotReadyError, match="does not answer"):
            inside(cluster, lambda store, query=query: store.read(query))


# ------------------------------------------------------------------------------------------------- applying


def test_an_object_is_created_changed_left_and_deleted(cluster: ApiServer) -> None:
    assert apply(cluster, put(peer("a", "10.0.0.1"))) == [("created", "")]
    assert apply(cluster, put(peer("a", "10.0.0.2"))) == [("configured", "")]
    version = now(cluster, "bgppeer", "a")["metadata"]["resourceVersion"]
    assert apply(cluster, put(peer("a", "10.0.0.2"))) == [("unchanged", "")]
    found = now(cluster, "bgppeer", "a")
    assert (found["spec"]["peerIP"], found["metadata"]["resourceVersion"]) == ("10.0.0.2", version)
    assert [each["manager"] for each in found["metadata"]["managedFields"]] == ["bgpctl"]
    assert apply(cluster, remove("BGPPeer", "a")) == [("deleted", "")]
    assert apply(cluster, remove("BGPPeer", "a")) == [("not found", "")]


def test_what_waits_for_finalizers_is_named(cluster: ApiServer) -> None:
    apply(cluster, put(peer("a", "10.0.0.1")))
    must(cluster, "patch", "bgppeer", "a", "--type=merge", '--patch={"metadata":{"finalizers":["example.org/x"]}}')

    async def ask(store: Store) -> tuple[str, ...]:
        (written,) = await store.write(await store.prepare([remove("BGPPeer", "a")]))
        return written.waits_for

    assert inside(cluster, ask) == ("example.org/x",)
    must(cluster, "patch", "bgppeer", "a", "--type=merge", '--patch={"metadata":{"finalizers":null}}')
    assert apply(cluster, remove("BGPPeer", "a")) == [("not found", "")]


def test_preparing_changes_nothing(cluster: ApiServer, writer: Writer) -> None:
    writer.put(peer("a", "10.0.0.1"))
    before = now(cluster, "bgppeer", "a")
    for rehearsed in (True, False):
        prepared = prepare(cluster, put(peer("b", "10.0.0.2")), remove("BGPPeer", "a"), rehearsed=rehearsed)
        assert [each.outcome for each in prepared.changes] == [Outcome.CREATED, Outcome.DELETED]
        assert prepared.sources.keys() == {"BGPPeer/b", "BGPPeer/a"}
        assert prepared.sources["BGPPeer/a"] is None
    assert now(cluster, "bgppeer", "a") == before
    assert must(cluster, "get", "bgppeers", "--output=name").split() == ["bgppeer.projectcalico.org/a"]


def test_what_we_do_not_apply_any_more_goes_and_what_others_have_written_stays(
    cluster: ApiServer, writer: Writer
) -> None:
    apply(cluster, put(peer("a", "10.0.0.1", filters=["x"], ttlSecurity=1)))
    writer.put(calico("BGPPeer", "a", nextHopMode="Self"))
    without = put(peer("a", "10.0.0.1"))
    estimated, rehearsed = (prepare(cluster, without, rehearsed=each).changes[0] for each in (False, True))
    assert apply(cluster, without) == [("configured", "")]
    spec = now(cluster, "bgppeer", "a")["spec"]
    assert spec.keys() >= {"peerIP", "asNumber", "nextHopMode"}
    assert not spec.keys() & {"filters", "ttlSecurity"}
    for prepared in (estimated, rehearsed):
        assert prepared.becomes is not None
        assert prepared.becomes.data["spec"] == spec


def test_fields_of_somebody_else_are_named_and_taken_over_only_by_force(cluster: ApiServer, writer: Writer) -> None:
    writer.put(peer("a", "10.0.0.1"))
    refused = prepare(cluster, put(peer("a", "10.0.0.2"))).changes[0].refused
    assert refused.startswith("BGPPeer/a: somebody else has written these fields, ")
    assert '"test"' in refused
    assert ".spec.peerIP" in refused
    assert refused.endswith("--force-conflicts takes them over")
    assert apply(cluster, put(peer("a", "10.0.0.2"))) == [("unchanged", refused)]
    assert apply(cluster, put(peer("a", "10.0.0.2")), force=True) == [("configured", "")]
    assert now(cluster, "bgppeer", "a")["spec"]["peerIP"] == "10.0.0.2"


def test_what_was_changed_since_it_was_looked_at_is_not_overwritten(cluster: ApiServer, writer: Writer) -> None:
    writer.put(peer("a", "10.0.0.1"), peer("b", "10.0.0.1"))

    async def ask(store: Store) -> list[str]:
        prepared = await store.prepare([put(peer("a", "10.0.0.2")), remove("BGPPeer", "b")], force=True)
        await asyncio.to_thread(lambda: writer.put(peer("a", "10.0.0.3"), peer("b", "10.0.0.3")))
        return [each.failed for each in await store.write(prepared)]

    failed = inside(cluster, ask)
    sentence = "it was changed since it was read, and is not overwritten; look at it and repeat the command"
    assert failed == [f"BGPPeer/a: {sentence}", f"BGPPeer/b: {sentence}"]
    assert now(cluster, "bgppeer", "a")["spec"]["peerIP"] == "10.0.0.3"


def test_an_api_server_that_goes_away_while_it_is_written_is_named_for_each_object(cluster: ApiServer) -> None:
    async def ask(store: Store) -> list[str]:
        prepared = await store.prepare([put(peer("a", "10.0.0.2")), put(peer("b", "10.0.0.2"))])
        cluster.kill_api_server()
        return [each.failed for each in await store.write(prepared)]

    for name, failed in zip("ab", inside(cluster, ask), strict=True):
        assert failed.startswith(f"BGPPeer/{name}: the cluster of ")
        assert "does not answer" in failed
        assert failed.endswith("; look whether it was written")


def test_a_status_that_was_reported_meanwhile_is_no_other_object(cluster: ApiServer) -> None:
    status = calico("CalicoNodeStatus", "a", node="a", classes=["BGP"], updatePeriodSeconds=10)
    apply(cluster, put(status))

    async def ask(store: Store) -> list[str]:
        changed = {**status, "spec": {**status["spec"], "updatePeriodSeconds": 20}}
        prepared = await store.prepare([put(changed)])
        patch = json.dumps({"status": {"lastUpdated": "2026-01-01T00:00:00Z"}})
        must(cluster, "patch", "caliconodestatus", "a", "--subresource=status", "--type=merge", f"--patch={patch}")
        return [each.failed for each in await store.write(prepared)]

    assert inside(cluster, ask) == [""]
    assert now(cluster, "caliconodestatus", "a")["spec"]["updatePeriodSeconds"] == 20


def test_a_version_in_the_file_is_the_one_that_it_is_for(cluster: ApiServer, writer: Writer) -> None:
    writer.put(peer("a", "10.0.0.1"))
    old = now(cluster, "bgppeer", "a")
    writer.put(peer("a", "10.0.0.2"))
    assert "it was changed since it was read" in prepare(cluster, put(old), force=True).changes[0].refused
    assert prepare(cluster, put(now(cluster, "bgppeer", "a")), force=True).changes[0].outcome is Outcome.UNCHANGED


def test_what_is_invalid_is_refused_by_the_api_server_and_the_others_go_on(cluster: ApiServer) -> None:
    misspelt = calico("BGPPeer", "a", peerIP="10.0.0.1", asNumbr=1)
    both = calico("BGPPeer", "b", node="x", nodeSelector="all()", peerIP="10.0.0.1")
    answers = apply(cluster, put(misspelt), put(both), put(peer("c", "10.0.0.1")))
    assert "asNumbr" in answers[0][1]
    assert "node and nodeSelector cannot both be set" in answers[1][1]
    assert answers[2] == ("created", "")


READ_ONLY = {
    "node": (node("a1", "10.0.0.1/24"), "Node/a1 is an object of Kubernetes itself, and only read here"),
    "plan": (
        {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": "a1"}},
        "NodePlan/a1 is written by the controller",
    ),
}


@pytest.mark.parametrize("case", READ_ONLY)
def test_what_others_write_is_only_read(cluster: ApiServer, case: str) -> None:
    data, sentence = READ_ONLY[case]
    for change in (put(data), Change(put(data).id, None)):
        prepared = prepare(cluster, change).changes[0]
        assert sentence in prepared.refused
        assert apply(cluster, change) == [("unchanged", prepared.refused)]


# ------------------------------------------------------------------------------------------------- roles

# Verbs that a role has, the change, and what the sentence names; "" where it is enough.
ROLES: dict[str, tuple[str, Callable[[], Change] | None, str]] = {
    "nothing, reading": ("list-not", None, "refuses to list bgppeers.projectcalico.org"),
    "reading": ("get, list", None, ""),
    "reading only, applying": ("get, list", lambda: put(peer("a", "10.0.0.2")), "refuses to patch"),
    "no create": ("get, list, patch", lambda: put(peer("b", "10.0.0.2")), "refuses to create"),
    "applying": ("get, list, patch, create", lambda: put(peer("b", "10.0.0.2")), ""),
    "deleting": ("get, list, patch", lambda: remove("BGPPeer", "a"), "refuses to delete"),
    "no get": ("list, patch", lambda: put(peer("a", "10.0.0.2")), "refuses to get"),
}


@pytest.mark.parametrize("case", ROLES)
def test_a_refusal_names_verb_resource_and_user(cluster: ApiServer, writer: Writer, case: str) -> None:
    verbs, make, sentence = ROLES[case]
    writer.put(peer("a", "10.0.0.1"))
    user = "role-" + case.replace(" ", "-").replace(",", "")
    must(cluster, "apply", "--filename=-", stdin=ROLE % {"name": user, "verbs": verbs})
    kubeconfig = cluster.client_certificate_kubeconfig(user)
    try:
        for verb in ("get", "list", "patch", "create", "delete"):
            expected = "yes" if verb in verbs.split(", ") else "no"
            asked = ("auth", "can-i", verb, "bgppeers.projectcalico.org", f"--kubeconfig={kubeconfig}")
            eventually(lambda: cluster.kubectl(*asked).stdout.strip() == expected, f"the role has {verb}: {expected}")  # noqa: B023

        async def ask(store: Store) -> tuple[str, ...]:
            if make is None:
                return (await store.read(PEERS)).failures
            written = await store.write(await store.prepare([make()], force=True))
            return tuple(each.failed for each in written if each.failed)

        failures = inside(cluster, ask, kubeconfig)
        assert bool(failures) is bool(sentence), failures
        if sentence:
            verb = sentence.split()[2]
            assert sentence in failures[0]
            assert f'User "{user}" needs a role with the verb {verb} for bgppeers' in failures[0]
            assert 'in the API group "projectcalico.org"' in failures[0]
    finally:
        must(cluster, "delete", "clusterrole,clusterrolebinding", user)


# ------------------------------------------------------------------------------------------------- groups


def test_objects_go_into_the_group_that_the_cluster_uses(cluster: ApiServer, writer: Writer) -> None:
    """A cluster with the older definitions, in use."""
    old = "crd.projectcalico.org/v1"
    calico_crds.install(cluster, V1)
    try:
        writer.put(information(old))
        affinity = calico("BlockAffinity", "a1-x", node="a1", cidr="10.0.0.0/26", deleted=False)
        assert apply(cluster, put(peer("a", "10.0.0.1")), put(affinity)) == [("created", ""), ("created", "")]
        assert now(cluster, "bgppeers.crd.projectcalico.org", "a")["apiVersion"] == old
        assert now(cluster, "blockaffinities.crd.projectcalico.org", "a1-x")["spec"]["deleted"] == "false"
        assert must(cluster, "get", "bgppeers.projectcalico.org", "--output=name") == ""

        async def read(store: Store) -> list[str]:
            return [str(each.data["apiVersion"]) for each in (await store.read(PEERS)).objects]

        assert inside(cluster, read) == [old]
        writer.put(information(old, ready=False))
        locked = "BGPPeer/b: Calico's datastore is locked"
        assert locked in prepare(cluster, put(peer("b", "10.0.0.1"))).changes[0].refused
    finally:
        calico_crds.remove(cluster, V1)


def test_a_locked_datastore_is_written_only_on_purpose(cluster: ApiServer, writer: Writer) -> None:
    calico_crds.install(cluster, V3, ("ClusterInformation",))
    try:
        writer.put(information(ready=False))
        assert "is locked" in prepare(cluster, put(peer("a", "10.0.0.1"))).changes[0].refused

        async def run() -> PreparedChange:
            async with open_store(Access(kubeconfig=cluster.admin_kubeconfig), writes_locked=True) as store:
                return (await store.prepare([put(peer("a", "10.0.0.1"))])).changes[0]

        assert asyncio.run(run()).refused == ""
    finally:
        calico_crds.remove(cluster, V3, ("ClusterInformation",))


# ------------------------------------------------------------------------------------------------- estimates


def test_an_estimate_is_what_the_api_server_makes_of_it(cluster: ApiServer, writer: Writer) -> None:
    """Over a number of changes one after the other, with a second writer."""
    changes = [
        peer("a", "10.0.0.1", filters=["x", "y"]),
        peer("a", "10.0.0.1", filters=["y"], password={"secretKeyRef": {"name": "n", "key": "k"}}),
        peer("a", "10.0.0.2", password={"secretKeyRef": {"name": "n", "key": "l"}}),
        peer("a", "10.0.0.2"),
    ]
    for number, data in enumerate(changes):
        data["metadata"] = {"name": "a", "labels": {f"l{number}": "1"}, "annotations": {"bgpctl.io/role": "peer"}}
        if number == 2:
            writer.put(calico("BGPPeer", "a", filters=["y"], ttlSecurity=3))
        estimated = prepare(cluster, put(data), rehearsed=False).changes[0]
        assert apply(cluster, put(data), force=True)[0][1] == ""
        found = now(cluster, "bgppeer", "a")
        assert estimated.becomes is not None
        assert same(meaning(estimated.becomes.data), meaning(found)), f"change {number}"


def test_an_estimate_of_a_new_object_is_the_object() -> None:
    assert estimate(None, peer("a", "10.0.0.1"), "bgpctl") == peer("a", "10.0.0.1")


# ------------------------------------------------------------------------------------------------- watching


def test_every_change_is_seen(cluster: ApiServer, writer: Writer) -> None:
    seen: list[str] = []

    async def follow(events: AsyncGenerator[Seen, None]) -> None:
        async with aclosing(events):
            async for each in events:
                name = f"{each.object.id.name} {each.object.data['spec']['peerIP']}" if each.object else each.failure
                assert (each.event is Event.SYNCED) is (len(seen) == 1)
                seen.append(f"{each.event} {name}")

    def of_objects() -> list[str]:
        return [line for line in seen if "10.0." in line]

    async def until(count: int) -> None:
        while len(of_objects()) < count:  # noqa: ASYNC110  the test's own timeout ends it
            await asyncio.sleep(0.02)

    async def ask(store: Store) -> None:
        task = asyncio.create_task(follow(store.watch(PEERS)))
        await until(1)
        for number in range(2, 12):
            must(cluster, "patch", "bgppeer", "a", "--type=merge", f'--patch={{"spec":{{"peerIP":"10.0.0.{number}"}}}}')
        must(cluster, "create", "--filename=-", stdin=json.dumps(peer("b", "10.0.1.1")))
        must(cluster, "delete", "bgppeer", "a")
        await until(13)
        cluster.kill_api_server()
        cluster.start_api_server()
        must(cluster, "delete", "bgppeer", "b")
        await until(14)
        task.cancel()

    writer.put(peer("a", "10.0.0.1"))
    inside(cluster, ask)
    assert of_objects() == [
        "ADDED a 10.0.0.1",
        *(f"MODIFIED a 10.0.0.{number}" for number in range(2, 12)),
        "ADDED b 10.0.1.1",
        "DELETED a 10.0.0.11",
        "DELETED b 10.0.1.1",
    ]
