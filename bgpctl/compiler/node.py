"""One node's plan: every question asked once, the answers put together.

The plan is a function of the resources, the node's name and the options, to the byte. Sessions stand in the order
of their peers' addresses, everything else in the order its own file gives it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bgpctl.compiler.cluster.facts import Block
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.cluster.service_routes import ServiceRoutes, service_routes
from bgpctl.compiler.cluster.services import service_rules
from bgpctl.compiler.findings import Findings
from bgpctl.compiler.identity import CompileError, listen, router_id
from bgpctl.compiler.policies.export_policy import ExportInputs, export_policy
from bgpctl.compiler.policies.filters import compile_filter, compile_filter_of_all
from bgpctl.compiler.routes.kernel_plan import plan_kernel
from bgpctl.compiler.routes.originations import originations
from bgpctl.compiler.routes.vxlan import report_missing_end, tunnel_routes_from
from bgpctl.compiler.sessions.alike import AlikeSessions
from bgpctl.compiler.sessions.find_peerings import find_peerings
from bgpctl.compiler.sessions.session import SessionContext, suppress_doubled
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem
from reflector.addresses import FAMILIES, address_order, prefix_order
from reflector.plan import KernelPlan, NodePlan, Policy, SessionPlan, SuppressedSession


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan, and what its author should know about it."""

    plan: NodePlan
    problems: tuple[Problem, ...]


NO_OPTIONS = CompileOptions()


def compile_node(
    resources: ResourceSet, node: str, options: CompileOptions = NO_OPTIONS, index: ClusterIndex | None = None
) -> Compiled:
    """The plan of `node`. Callers that compile more than one plan of these resources pass an index of them.

    Raises CompileError when there is no such node, or an option makes no sense."""
    if node not in resources.nodes:
        raise CompileError(f"there is no Node resource named {node!r} among {len(resources.nodes)} nodes")
    return _compile(index or ClusterIndex(resources), node, options)


def compile_cluster(resources: ResourceSet, options: CompileOptions = NO_OPTIONS) -> Iterator[Compiled]:
    """The plans of all nodes, in name order."""
    return compile_every_node(ClusterIndex(resources), options)


def compile_every_node(index: ClusterIndex, options: CompileOptions = NO_OPTIONS) -> Iterator[Compiled]:
    """The same, of an index that the caller has."""
    return (_compile(index, node, options) for node in index.nodes)


def _compile(index: ClusterIndex, node: str, options: CompileOptions) -> Compiled:
    findings = Findings(index.resources)
    facts, configuration = index.nodes[node], index.configuration
    if not facts.has_speaker:
        return Compiled(_plan_without_speaker(index, node, options), ())
    blocks = _blocks(index, node, options)
    tunnel_routes = tunnel_routes_from(index, node, blocks, options)
    services = service_routes(index.services, service_rules(configuration, facts.node, options))
    priorities = {family: configuration.normal_priority(family) for family in FAMILIES}
    settings = configuration.settings(node)
    sessions, suppressed = _sessions(SessionContext(index, node, options, findings))
    if options.without_felix:
        report_missing_end(index, node, findings)
    plan = NodePlan(
        node=node,
        router_id=router_id(index, node, options, findings),
        local_as=index.as_number(node),
        cluster_id=facts.cluster_id,
        log_level=configuration.log_level(node),
        listen=listen(index, node),
        sessions=sessions,
        suppressed=suppressed,
        policies=_policies(index.resources, sessions, _exports(index, node, blocks, services)),
        originations=originations(blocks, services, tunnel_routes, priorities),
        kernel=plan_kernel(index, node, blocks, services, tunnel_routes, options),
        always_compare_med=bool(settings.always_compare_med),
        resolve_next_hops=settings.resolve_next_hops is not False,
    )
    return Compiled(plan, findings.sorted())


def _plan_without_speaker(index: ClusterIndex, node: str, options: CompileOptions) -> NodePlan:
    """By the resources nothing of ours runs there: its blocks are in the plans of the other nodes."""
    return NodePlan(
        node=node,
        router_id=router_id(index, node, options, Findings(index.resources)),
        local_as=index.as_number(node),
        log_level=index.configuration.log_level(node),
        kernel=KernelPlan(protocol=options.route_protocol, table=options.route_table),
    )


def every_policy(index: ClusterIndex, node: str, options: CompileOptions = NO_OPTIONS) -> tuple[Policy, ...]:
    """The policies that sessions of the node can ask, whether one does or not: for sessions that outlive what defined
    them."""
    blocks = _blocks(index, node, options)
    rules = service_rules(index.configuration, index.nodes[node].node, options)
    services = service_routes(index.services, rules)
    return tuple(_all_policies(index.resources, _exports(index, node, blocks, services), several_families=True))


def _exports(index: ClusterIndex, node: str, blocks: tuple[Block, ...], services: ServiceRoutes) -> ExportInputs:
    configuration = index.configuration
    return ExportInputs(
        pools=index.pools,
        blocks=blocks,
        services=services,
        advertisements=configuration.advertisements(node),
        programs_ipip=configuration.programs_ipip,
        normal_priority={family: configuration.normal_priority(family) for family in FAMILIES},
    )


def _blocks(index: ClusterIndex, node: str, options: CompileOptions) -> tuple[Block, ...]:
    found = index.pod_blocks(node) if options.use_pod_cidr else index.blocks(node)
    return tuple(sorted(found, key=lambda block: prefix_order(block.prefix)))


def _sessions(context: SessionContext) -> tuple[tuple[SessionPlan, ...], tuple[SuppressedSession, ...]]:
    peerings = find_peerings(context.index, context.node, context.options)
    alike = AlikeSessions(context)
    planned = [alike.plan(peering) for peering in peerings.wanted]
    suppressed = [each for each in planned if isinstance(each, SuppressedSession)]
    suppressed += [suppress_doubled(context, peering, winner) for peering, winner in peerings.doubled]
    sessions = [each for each in planned if isinstance(each, SessionPlan)]
    return (
        tuple(sorted(sessions, key=lambda each: address_order(each.peer_address))),
        tuple(sorted(suppressed, key=lambda each: (address_order(each.peer_address), each.name))),
    )


def _policies(resources: ResourceSet, sessions: Collection[SessionPlan], exports: ExportInputs) -> tuple[Policy, ...]:
    """The policies that some session asks, sorted by name."""
    wanted = {name for each in sessions for name in (*each.import_policies, *each.export_policies)}
    policies = _all_policies(resources, exports, several_families=any(len(each.families) > 1 for each in sessions))
    return tuple(sorted((each for each in policies if each.name in wanted), key=lambda policy: policy.name))


def _all_policies(resources: ResourceSet, exports: ExportInputs, *, several_families: bool) -> Iterator[Policy]:
    filters = resources.bgp_filters.values()
    yield from (export_policy(exports, family) for family in FAMILIES)
    yield from (policy for found in filters for policy in compile_filter(found))
    if several_families:
        yield from (policy for found in filters for policy in compile_filter_of_all(found))
