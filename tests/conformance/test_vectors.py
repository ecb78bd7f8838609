"""Calico's own cases: what its renderer made of sets of resources, against what our compiler makes of them.

Sessions are compared field by field, routes and rules by what they say, filters by what they decide: every policy
is asked about every synthetic route of a case by the engine's own evaluator. Daemon details (protocol names, debug
levels, timers) are not compared.

Where we differ on purpose, SUPPRESSED and REJECTED say so: when, and why. Nothing here depends on which cases there
are: others of the same format can be asked (CALICO_VECTORS).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bgpctl.compiler import CompileOptions, LocalWorkload, compile_node
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
    """Where we differ on purpose. `reason` is what the plan gives for a session that it suppresses (a pattern)."""

    reason: str
    calico: str
    we: str


# Sessions that Calico runs and we suppress.
SUPPRESSED = (
    Deviation(
        r"Secret \S+ (does not exist|has no key .*)$",
        "runs the session without its password",
        "wait until the password is there",
    ),
    Deviation(
        r"has the session to \S+; two to one address cannot both run$",
        "runs sessions to two ports of one address",
        "run the one that agrees with the node that has the address, else the first: TCP cannot tell them apart",
    ),
)


class Probe(NamedTuple):
    """A synthetic route that is shown to the filters of a session."""

    direction: str
    session: SessionPlan
    source: RouteSource
    prefix: str


def _is_passed_on_service_route(case: dict[str, Any], probe: Probe) -> bool:
    """Learned, inside a network of services, towards an external peer of a node that is no reflector."""
    if (probe.direction, probe.session.session_type) != ("export", SessionType.EBGP) or reflects(case):
        return False
    network = ip_network(probe.prefix)
    return probe.source is RouteSource.BGP and any(
        network.version == each.version and network.prefixlen >= each.prefixlen and network.network_address in each
        for each in service_networks(case)
    )


# Routes that Calico's filters accept and ours reject: when, and why.
REJECTED: tuple[tuple[Callable[[dict[str, Any], Probe], bool], str], ...] = (
    (_is_passed_on_service_route, "each node announces services for itself; a router must not balance over the others"),
)


def service_networks(case: dict[str, Any]) -> list[IPv4Network | IPv6Network]:
    lists = ("serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs")
    specs = [each["spec"] for each in case["resources"] if each["kind"] == "BGPConfiguration"]
    return [ip_network(entry["cidr"]) for spec in specs for name in lists for entry in spec.get(name) or () if entry]


def reflects(case: dict[str, Any]) -> bool:
    own = [each for each in case["resources"] if (each["kind"], each["metadata"]["name"]) == ("Node", case["node"])]
    return any((each["spec"].get("bgp") or {}).get("routeReflectorClusterID") for each in own)


# The order in which the cases' verdict strings count the synthetic routes; a case may add more behind these, for what
# its filters ask for.
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
        router_id=case["env"].get("CALICO_ROUTER_ID", ""),
        secret_namespace=case["secret_namespace"],
        local_workloads=tuple(_workloads(case)),
    )
    return compile_node(loaded.resources, case["node"], options).plan


def require_the_usual_cases() -> None:
    """For what is so of them together, and need not be so of others."""
    if not CASES or FOLDER != DEFAULT_FOLDER:
        pytest.skip(f"needs the cases of {DEFAULT_FOLDER}")


def _secrets(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in case["secrets"]:
        metadata = {"name": each["name"], "namespace": each["namespace"]}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": each["stringData"]}


def _workloads(case: dict[str, Any]) -> Iterator[LocalWorkload]:
    """Felix's endpoint-status files, in the order of their names."""
    for _, content in sorted(case["endpoint_status"].items()):
        status = json.loads(content) if isinstance(content, str) else content
        addresses = (*(status.get("ipv4Nets") or ()), *(status.get("ipv6Nets") or ()))
        if status.get("bgpPeerName") and addresses:
            yield LocalWorkload(status["bgpPeerName"], status.get("ifaceName", ""), addresses)


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


def expected_session(peer: dict[str, Any]) -> dict[str, Any]:
    """A session of a case, in the words and with the defaults of a plan."""
    return {
        "kind": "workload" if peer["kind"].endswith("workload") else peer["kind"],
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


def test_sessions(expect: dict[str, Any], plan: NodePlan) -> None:
    """All of them alike, but for those that we suppress."""
    expected = {
        (peer["neighbor_ip"], peer["port"] or DEFAULT_BGP_PORT): expected_session(peer) for peer in expect["peers"]
    }
    planned = {(each.peer_address, each.peer_port): planned_session(plan, each) for each in plan.sessions}
    left_out = expected.keys() - planned.keys()

    assert planned == {key: session for key, session in expected.items() if key not in left_out}
    assert sorted(address for address, _ in left_out) == sorted(each.peer_address for each in plan.suppressed)


def test_suppressed_sessions_are_the_named_deviations(plan: NodePlan) -> None:
    for session in plan.suppressed:
        assert any(re.search(each.reason, session.reason) for each in SUPPRESSED), session.reason


@pytest.mark.parametrize("deviation", SUPPRESSED, ids=lambda each: each.calico)
def test_every_named_deviation_is_one(deviation: Deviation) -> None:
    require_the_usual_cases()
    suppressed = [each.reason for name in WHOLE for each in compiled_case(name).suppressed]
    assert any(re.search(deviation.reason, each) for each in suppressed)


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
            everywhere = "0.0.0.0" if family == 4 else "::"  # noqa: S104  compared, not bound
            address, port = (listening["address"], listening["port"]) if listening else (None, None)
            assert [(each.address, each.port) for each in heard] == [(address or everywhere, port or DEFAULT_BGP_PORT)]


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


# What a case adds: routes with a community, then with the beginning of an AS path, then with a priority.
ADDED = ("bgp_community_", "bgp_path_", "bgp_priority_")


def kinds_of(behaviour: dict[str, Any]) -> list[str]:
    """The kinds of a case in the order of its verdict strings."""
    kinds = behaviour["kinds"]

    def place(name: str) -> tuple[int, int, str]:
        added = next(place for place, beginning in enumerate(ADDED) if name.startswith(beginning))
        return added, kinds[name]["bgp_local_pref"], name

    return [name for name in KINDS if name in kinds] + sorted((name for name in kinds if name not in KINDS), key=place)


def probes(behaviour: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """(index in the verdict string, prefix, kind)."""
    kinds = kinds_of(behaviour)
    for row, prefix in enumerate(behaviour["prefixes"]):
        for column, kind in enumerate(kinds):
            yield row * len(kinds) + column, prefix, kind


@pytest.mark.parametrize("direction", ["import", "export"])
def test_filters_decide_alike(direction: str, case: dict[str, Any], expect: dict[str, Any], plan: NodePlan) -> None:
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
                route = synthetic_route(behaviour["kinds"][kind], session.families[0])
                probe = Probe(direction, session, route.source, prefix)
                wanted = Decision(verdict, changes)
                if verdict == "A" and any(is_deviation(case, probe) for is_deviation, _ in REJECTED):
                    wanted = Decision("R", {})
                assert filters.decide(route, prefix) == wanted, f"{direction} {session.name} {prefix} {kind}"


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
    require_the_usual_cases()
    kinds = {peer["kind"] for name in CASES for peer in read_case(name)["expect"].get("peers") or ()}

    assert kinds >= {"mesh", "node", "global"}
    assert {SessionType(each.session_type) for name in CASES for each in compiled_case(name).sessions} == set(
        SessionType
    )
