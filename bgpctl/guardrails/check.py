"""All guardrails, asked of a whole cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.cluster_sessions import MOST_PEERINGS, ClusterSessions
from bgpctl.guardrails.finding import Finding, located
from bgpctl.guardrails.routes.encapsulation import disabled_encapsulation, mtu_mismatch
from bgpctl.guardrails.routes.networks import networks
from bgpctl.guardrails.routes.prefix_advertisements import advertised_prefixes
from bgpctl.guardrails.routes.shadowed_filters import shadowed_filters, shadowed_rules
from bgpctl.guardrails.routes.vxlan_next_hops import vxlan_next_hops
from bgpctl.guardrails.sessions.annotations import settings_fit
from bgpctl.guardrails.sessions.both_ends import as_number_of_a_node, both_ends_fit
from bgpctl.guardrails.sessions.differing_options import options_differ
from bgpctl.guardrails.sessions.families import families_agree
from bgpctl.guardrails.sessions.prefix_limits import low_limits
from bgpctl.guardrails.sessions.reserved_as import reserved_as_numbers
from bgpctl.guardrails.sessions.suppressed import suppressed_sessions
from bgpctl.guardrails.topology.impossible_addresses import impossible_addresses
from bgpctl.guardrails.topology.mesh import large_mesh, mesh_doubled
from bgpctl.guardrails.topology.partition import partitions
from bgpctl.guardrails.topology.reflectors import reflectors
from bgpctl.guardrails.topology.shared import shared_addresses, shared_blocks
from bgpctl.guardrails.topology.without_session import nodes_without_session, peers_without_session
from bgpctl.guardrails.topology.without_speaker import nodes_without_speaker
from bgpctl.resources import Loaded
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem

NO_OPTIONS = CompileOptions()


def not_examined(cluster: ClusterSessions) -> Iterator[Finding]:
    """Where BGPPeers ask for too many sessions to look at each of them."""
    if not cluster.is_examined:
        message = f"BGPPeers define more than {MOST_PEERINGS} sessions; they were not checked one by one"
        yield Finding("sessions-not-examined", None, "$", message)


QUESTIONS: tuple[Callable[[ClusterSessions], Iterable[Finding]], ...] = (
    shared_addresses,
    shared_blocks,
    impossible_addresses,
    reserved_as_numbers,
    networks,
    vxlan_next_hops,
    nodes_without_speaker,
    large_mesh,
    mesh_doubled,
    not_examined,
    nodes_without_session,
    peers_without_session,
    options_differ,
    as_number_of_a_node,
    both_ends_fit,
    families_agree,
    settings_fit,
    low_limits,
    reflectors,
    partitions,
    shadowed_rules,
    shadowed_filters,
    advertised_prefixes,
    disabled_encapsulation,
    mtu_mismatch,
)


def check_cluster(resources: ResourceSet, options: CompileOptions = NO_OPTIONS) -> tuple[Problem, ...]:
    """All findings of the guardrails, and those of the compiler about suppressed sessions, in order. A set without any
    Node is a fragment of a cluster: only what does not depend on nodes is checked."""
    return tuple(sorted({problem for found in examine(resources, options) for problem in found}))


def examine(resources: ResourceSet, options: CompileOptions) -> Iterator[list[Problem]]:
    """The same, one question after the other, for those who have something else to do in between."""
    cluster = ClusterSessions(resources, options)
    for question in QUESTIONS:
        yield located(resources, question(cluster))
    yield list(suppressed_sessions(cluster))


def nothing_read(loaded: Loaded) -> tuple[Problem, ...]:
    """Where there is nothing at all, not even something invalid, it is most often the wrong directory."""
    if len(loaded.resources) or loaded.problems:
        return ()
    message = "there is no resource: is this the right directory, and do its files end in .yaml, .yml or .json?"
    return tuple(located(loaded.resources, [Finding("no-resources", None, "$", message)]))
