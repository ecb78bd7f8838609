"""Calico's own cases: what its renderer made of 64 sets of resources, against what our compiler makes of them.

Sessions are compared field by field, routes and rules by what they say, filters by what they decide: every policy
is asked about every synthetic route of a case by the engine's own evaluator. Daemon details (protocol names, debug
levels, timers) are not compared.

Where we differ on purpose, DEVIATIONS says so, by case and peer address, with the reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bgpctl.compiler import CompileOptions, compile_node
from bgpctl.resources.reading.parse import parse_documents
from reflector.addresses import family_of
from reflector.plan import (
    DEFAULT_BGP_PORT,
    DEFAULT_RESTART_TIME,
    PRIORITY_BASE,
    Encapsulation,
    Family,
    KernelPlan,
    KernelVerdict,
    NodePlan,
    RouteSource,
    SessionPlan,
    SessionType,
)
from reflector.policy.prefix_classes import PrefixClasses, prefix_matches
from reflector.policy.rules import PolicyChain
from reflector.rib.path import Path as RoutePath
from reflector.wire.attributes import AS_SEQUENCE, PathAttributes, intern_attributes
from reflector.wire.communities import parse_community
from reflector.wire.nlri import pack_nlri

pytestmark = pytest.mark.conformance

DEFAULT_FOLDER = Path(__file__).parents[2].parent / "shared" / "calico" / "vectors"
FOLDER = Path(os.environ.get("CALICO_VECTORS", DEFAULT_FOLDER))
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))


class Deviation(NamedTuple):
    """Calico runs a session to this address (and port); we suppress it, for this reason."""

    address: str
    port: int
    reason: str


NO_KEY = "Calico runs the session without its password; we wait until the password is there"
FIRST_IS_MISSING = "Secret kube-system/my-secrets-1 does not exist"
SECOND_IS_MISSING = "Secret kube-system/my-secrets-2 does not exist"
KEY_IS_MISSING = "Secret kube-system/my-secrets-1 has no key 'a'"
ONE_PER_ADDRESS = "TCP cannot distinguish two sessions to one address; the first BGPPeer by name has it"


MESH = ("10.192.0.3", "10.192.0.4", "2001::102", "2001::104")


def _mesh_suppressed(reason: str) -> tuple[Deviation, ...]:
    return tuple(Deviation(address, DEFAULT_BGP_PORT, reason) for address in MESH)


DEVIATIONS: dict[str, tuple[str, tuple[Deviation, ...]]] = {
    "explicit_peering__local-as-global": (
        ONE_PER_ADDRESS,
        (Deviation("10.192.0.1", 150, "BGPPeer bgppeer-2 has the session"),),
    ),
    "mesh__password__phase1": (NO_KEY, _mesh_suppressed(FIRST_IS_MISSING)),
    "mesh__password__phase4": (NO_KEY, _mesh_suppressed(KEY_IS_MISSING)),
    "mesh__password__phase5": (NO_KEY, _mesh_suppressed(FIRST_IS_MISSING)),
    "password__step1": (
        NO_KEY,
        (
            Deviation("10.24.0.2", DEFAULT_BGP_PORT, FIRST_IS_MISSING),
            Deviation("10.24.0.3", DEFAULT_BGP_PORT, FIRST_IS_MISSING),
            Deviation("10.24.10.10", DEFAULT_BGP_PORT, SECOND_IS_MISSING),
        ),
    ),
    "password__step2": (
        NO_KEY,
        (
            Deviation("10.24.0.2", DEFAULT_BGP_PORT, KEY_IS_MISSING),
            Deviation("10.24.10.10", DEFAULT_BGP_PORT, SECOND_IS_MISSING),
        ),
    ),
    "password__step4": (NO_KEY, (Deviation("10.24.10.10", DEFAULT_BGP_PORT, SECOND_IS_MISSING),)),
    "password__step5": (NO_KEY, (Deviation("10.24.10.10", DEFAULT_BGP_PORT, SECOND_IS_MISSING),)),
    "password__step6": (
        NO_KEY,
        (
            Deviation("10.24.0.2", DEFAULT_BGP_PORT, KEY_IS_MISSING),
            Deviation("10.24.10.10", DEFAULT_BGP_PORT, SECOND_IS_MISSING),
        ),
    ),
}

# The order in which the cases' verdict strings count the synthetic routes; a case may add more behind these.
KINDS = (
    "static",
    "workload_normal",
    "workload_elevated",
    "kernel_eth0",
    "kernel_tunl0",
    "kernel_vxlan.calico",
    "kernel_wireguard.cali",
    "kernel_bpfin.cali",
    "bgp_learned",
    "bgp_elevated",
)
MORE_KINDS = (
    "bgp_community_65000:100",
    "bgp_community_65000:100:200",
    "bgp_path_65000",
    "bgp_priority_200",
    "bgp_priority_100",
)
SOURCES = {"RTS_BGP": RouteSource.BGP, "RTS_INHERIT": RouteSource.KERNEL, "RTS_STATIC": RouteSource.BLOCK}
NO_CASES = pytest.param("", marks=pytest.mark.skip(reason=f"no cases in {FOLDER}: set CALICO_VECTORS"))
FAMILY_KEYS: dict[str, Family] = {"v4": 4, "v6": 6}


@cache
def read_case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return {**found, "name": name}


@cache
def compiled_case(name: str) -> NodePlan:
    """The plan of the case's node, out of resources that went through our own parser."""
    case = read_case(name)
    documents = [*case["resources"], *case["k8s_objects"], *_secrets(case), *_affinities(case)]
    loaded = parse_documents((f"{number}.json", json.dumps(each)) for number, each in enumerate(documents))
    assert len(loaded.resources) == len(documents), [str(problem) for problem in loaded.problems]
    options = CompileOptions(
        router_id=case["env"].get("CALICO_ROUTER_ID", ""), secret_namespace=case["secret_namespace"]
    )
    return compile_node(loaded.resources, case["node"], options).plan


def _secrets(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in case["secrets"]:
        metadata = {"name": each["name"], "namespace": each["namespace"]}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": each["stringData"]}


def _affinities(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(case["block_affinities"]):
        spec = {"cidr": each["cidr"], "node": each["node"], "state": each["state"], "deleted": False}
        yield {
            "apiVersion": "projectcalico.org/v3",
            "kind": "BlockAffinity",
            "metadata": {"name": f"affinity-{number}"},
            "spec": spec,
        }


WHOLE = [name for name in CASES if not read_case(name)["expect"]["partial"]]
COUNTED = [name for name in CASES if name not in WHOLE]


@pytest.fixture(params=WHOLE or [NO_CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A case that says everything; `name` is that of its file."""
    return read_case(request.param)


@pytest.fixture
def plan(case: dict[str, Any]) -> NodePlan:
    return compiled_case(case["name"])


@pytest.fixture
def expect(case: dict[str, Any]) -> dict[str, Any]:
    """What Calico makes of the case."""
    found: dict[str, Any] = case["expect"]
    return found


# -------------------------------------------------------------------------------------------- sessions


def deviations(case: dict[str, Any]) -> tuple[Deviation, ...]:
    return DEVIATIONS.get(case["name"], ("", ()))[1]


def expected_session(peer: dict[str, Any]) -> dict[str, Any]:
    """A session of a case, in the words and with the defaults of a plan."""
    return {
        "kind": peer["kind"],
        "families": (peer["family"],),
        "peer_as": peer["remote_as"],
        "local_as": peer["effective_local_as"],
        "session_type": peer["session_type"].lower(),
        "local_address": peer["source_address"] or "",
        "passive": peer["passive"],
        "rr_client": peer["rr_client"],
        "cluster_id": peer["rr_cluster_id"],
        "next_hop_mode": peer["next_hop"],
        "ttl_security": 0 if peer["ttl_security"] == "off" else peer["multihop"],
        "allow_local_as": peer["allow_local_as"] or 0,
        "keepalive_time": peer["keepalive_time"] or 0,
        "restart_time": DEFAULT_RESTART_TIME
        if peer["graceful_restart_time"] is None
        else peer["graceful_restart_time"],
        "password": peer["password"],
        "import_filters": [each["name"] for each in peer["import_filters"]],
        "export_filters": [each["name"] for each in peer["export_filters"]],
    }


def planned_session(plan: NodePlan, session: SessionPlan) -> dict[str, Any]:
    return {
        "kind": session.kind,
        "families": session.families,
        "peer_as": session.peer_as,
        "local_as": session.local_as,
        "session_type": session.session_type,
        "local_address": session.local_address,
        "passive": session.passive,
        "rr_client": session.rr_client,
        "cluster_id": plan.cluster_id if session.rr_client else None,
        "next_hop_mode": session.next_hop_mode,
        "ttl_security": session.ttl_security,
        "allow_local_as": session.allow_local_as,
        "keepalive_time": session.keepalive_time,
        "restart_time": session.restart_time,
        "password": session.password.secret if session.password else None,
        "import_filters": [name.split("/")[1] for name in session.import_policies],
        "export_filters": [name.split("/")[1] for name in session.export_policies if "/" in name],
    }


def test_sessions(case: dict[str, Any], expect: dict[str, Any], plan: NodePlan) -> None:
    left_out = {(each.address, each.port) for each in deviations(case)}
    expected = {
        (peer["neighbor_ip"], peer["port"] or DEFAULT_BGP_PORT): expected_session(peer) for peer in expect["peers"]
    }
    assert left_out <= expected.keys(), "a deviation that no longer is one"

    assert {(each.peer_address, each.peer_port): planned_session(plan, each) for each in plan.sessions} == {
        key: session for key, session in expected.items() if key not in left_out
    }


def test_suppressed_sessions_are_the_named_deviations(case: dict[str, Any], plan: NodePlan) -> None:
    wanted = deviations(case)

    assert sorted(each.peer_address for each in plan.suppressed) == sorted(each.address for each in wanted)
    for each in wanted:
        assert any(
            each.address == session.peer_address and each.reason in session.reason for session in plan.suppressed
        )


@pytest.mark.parametrize("name", COUNTED or [NO_CASES])
def test_cases_that_only_count_sessions(name: str) -> None:
    plan = compiled_case(name)

    counted = read_case(name)["expect"]["counts"]["v4_peers"]
    assert len([each for each in plan.sessions if each.families == (4,)]) == counted


def test_what_must_not_be_there(case: dict[str, Any], expect: dict[str, Any], plan: NodePlan) -> None:
    addresses = {each.peer_address for each in plan.sessions}
    originated = {each.prefix for each in plan.originations}
    policies = {(each.name.split("/")[1], each.name[-1]) for each in plan.policies if "/" in each.name}
    for absent in expect["absent"]:
        assert absent.get("no_peer_to") not in addresses
        assert absent.get("no_block") not in originated
        assert (absent.get("no_filter_functions"), str(absent.get("family"))) not in policies


# ------------------------------------------------------------------------------------ identity, routes


def test_identity(expect: dict[str, Any], plan: NodePlan) -> None:
    assert plan.router_id == expect["router_id"]
    assert plan.log_level == expect["log_level"]
    for key, family in FAMILY_KEYS.items():
        listening = expect[key]["listen"]
        heard = [each for each in plan.listen if (":" in each.address) == (family == 6)]
        if heard:
            assert heard[0].port == (listening["port"] if listening else DEFAULT_BGP_PORT)
            assert (heard[0].address in ("0.0.0.0", "::")) == (not listening or listening["address"] is None)  # noqa: S104  compared, not bound


@pytest.mark.parametrize("key", FAMILY_KEYS)
def test_originations_and_host_routes(key: str, expect: dict[str, Any], plan: NodePlan) -> None:
    family, expected = FAMILY_KEYS[key], expect[key]
    originated = [each for each in plan.originations if family_of(each.prefix) == family]
    aggregated = [
        rule.match.prefix.network
        for policy in plan.policies
        for rule in policy.rules
        if policy.name == f"export-v{family}" and rule.match.prefix and rule.defined_by.endswith("stands for it")
    ]

    assert sorted(each.prefix for each in originated) == sorted(expected["static_routes"]["blackhole"])
    assert sorted(each.prefix for each in originated if each.source is RouteSource.SERVICE) == sorted(
        expected["service_routes"]
    )
    if any(each.families == (family,) for each in plan.sessions):
        assert sorted(aggregated) == sorted({rule["conditions"][0]["prefix"] for rule in expected["aggregation_rules"]})
    assert [
        {"prefix": f"{each.address}/{ip_address(each.address).max_prefixlen}", "via": each.gateway}
        for each in plan.kernel.host_routes
        if family_of(each.address) == family
    ] == expected["static_routes"]["via"]


# -------------------------------------------------------------------------------------------- policies


class Decision(NamedTuple):
    verdict: str
    changed: dict[str, Any]


class Filters:
    """The policies of a session in one direction, ready to be asked."""

    def __init__(self, plan: NodePlan, session: SessionPlan, direction: str) -> None:
        names, default = {
            "import": (session.import_policies, session.import_default),
            "export": (session.export_policies, session.export_default),
        }[direction]
        by_name = {policy.name: policy for policy in plan.policies}
        self.classes = PrefixClasses(session.families[0], prefix_matches(plan))
        self.chain = PolicyChain([by_name[name] for name in names], default, session.session_type, self.classes)

    def decide(self, probe: RoutePath, prefix: str) -> Decision:
        prefix_class = self.classes.classify(pack_nlri(prefix))
        return _in_words(probe.received, self.chain.evaluate(probe, probe.received, prefix_class).attributes)


def _in_words(before: PathAttributes, after: PathAttributes | None) -> Decision:
    """As the cases say it: A or R, and what an accepting filter changed."""
    if after is None:
        return Decision("R", {})
    changed: dict[str, Any] = {}
    if added := set(after.communities) - set(before.communities):
        changed["add_bgp_community"] = sorted(f"{each >> 16}:{each & 0xFFFF}" for each in added)
    if large := set(after.large_communities) - set(before.large_communities):
        changed["add_bgp_large_community"] = sorted(":".join(map(str, each)) for each in large)
    if after.as_path != before.as_path:
        changed["bgp_path"] = [asn for _, asns in after.as_path for asn in asns]
    if after.local_pref != before.local_pref:
        changed["bgp_local_pref"] = after.local_pref
    return Decision("A", changed)


def synthetic_route(kind: dict[str, Any], family: Family) -> RoutePath:
    """A route as the engine would have it: a local one carries its kernel metric as LOCAL_PREF."""
    source = SOURCES[kind["source"]]
    texts = [parse_community(text) for text in (*kind.get("bgp_community", ()), *kind.get("bgp_large_community", ()))]
    metric = kind.get("krt_metric")
    attributes = intern_attributes(
        as_path=((AS_SEQUENCE, tuple(kind["bgp_path"])),) if kind.get("bgp_path") else (),
        local_pref=kind["bgp_local_pref"] if source is RouteSource.BGP else PRIORITY_BASE - (metric or 1024),
        communities=tuple(each for each in texts if isinstance(each, int)),
        large_communities=tuple(each for each in texts if not isinstance(each, int)),
    )
    path = RoutePath(None, family, attributes, attributes)
    path.source, path.interface = source, kind.get("ifname", "")
    return path


def kinds_of(behaviour: dict[str, Any]) -> list[str]:
    """The kinds of a case in the order of its verdict strings."""
    names = [name for name in (*KINDS, *MORE_KINDS) if name in behaviour["kinds"]]
    assert len(names) == len(behaviour["kinds"])
    return names


def probes(behaviour: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """(index in the verdict string, prefix, kind)."""
    kinds = kinds_of(behaviour)
    for row, prefix in enumerate(behaviour["prefixes"]):
        for column, kind in enumerate(kinds):
            yield row * len(kinds) + column, prefix, kind


@pytest.mark.parametrize("direction", ["import", "export"])
def test_filters_decide_alike(direction: str, expect: dict[str, Any], plan: NodePlan) -> None:
    """Sessions of one class and the same policies are asked once."""
    planned = {(each.peer_address, each.peer_port): each for each in plan.sessions}
    classes: dict[tuple[object, ...], SessionPlan] = {}
    for peer in expect["peers"]:
        session = planned.get((peer["neighbor_ip"], peer["port"] or DEFAULT_BGP_PORT))
        if session is not None:
            policies = (session.import_policies, session.export_policies, session.session_type)
            classes[peer["family"], peer[f"{direction}_class"], policies] = session
    for (family, number, _), session in classes.items():
        behaviour = expect[f"v{family}"]["behaviour"]
        expected = behaviour[f"{direction}_classes"][number]
        filters = Filters(plan, session, direction)
        for index, prefix, kind in probes(behaviour):
            verdict = expected["verdicts"][index]
            if verdict != "-":
                changes = dict(expected["attrs"].get(str(index), {}))
                changes.pop("preference", None)
                decision = filters.decide(synthetic_route(behaviour["kinds"][kind], session.families[0]), prefix)
                assert decision == Decision(verdict, changes), f"{direction} {session.name} {prefix} {kind}"


# ---------------------------------------------------------------------------------------------- kernel


def kernel_decision(kernel: KernelPlan, prefix: str, next_hop: str) -> tuple[str, str | None]:
    """Accept or reject, and through which tunnel, as KernelPlan says rules are to be read."""
    network = ip_network(prefix)
    for rule in kernel.rules:
        pool = ip_network(rule.network)
        if pool.version != network.version or not (
            network.prefixlen >= pool.prefixlen and network.network_address in pool
        ):
            continue
        if rule.verdict is KernelVerdict.LEAVE:
            return "reject", None
        near = rule.cross_subnet and any(ip_address(next_hop) in ip_network(each) for each in kernel.local_subnets)
        return "accept", "tunl0" if rule.encapsulation is Encapsulation.IPIP and not near else None
    return "accept", None


@pytest.mark.parametrize("key", FAMILY_KEYS)
def test_the_kernel_gets_the_same_routes(key: str, expect: dict[str, Any], plan: NodePlan) -> None:
    for probe in expect[key]["behaviour"]["kernel"]:
        decision = kernel_decision(plan.kernel, probe["prefix"], probe["next_hop"])
        assert decision == (probe["verdict"], probe.get("krt_tunnel") or None), probe


@pytest.mark.parametrize("key", FAMILY_KEYS)
def test_ordinary_routes_have_the_priority_of_the_case(key: str, expect: dict[str, Any], plan: NodePlan) -> None:
    (rule,) = (each for each in expect[key]["kernel_filter"] if "metric_from_local_pref" in each)
    normal = plan.kernel.normal_priority_v4 if key == "v4" else plan.kernel.normal_priority_v6

    assert normal == rule["metric_from_local_pref"]["default_metric"]


def test_every_session_type_of_the_cases_was_seen() -> None:
    """The cases are what they are taken for: should they be cut down, this suite must not shrink in silence."""
    if not CASES:
        pytest.skip(f"no cases in {FOLDER}: set CALICO_VECTORS")
    kinds = {peer["kind"] for name in CASES for peer in read_case(name)["expect"].get("peers") or ()}

    assert len(CASES) >= 64
    assert kinds >= {"mesh", "node", "global"}
    assert {SessionType(each.session_type) for name in CASES for each in compiled_case(name).sessions} == set(
        SessionType
    )
