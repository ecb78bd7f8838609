"""What is legal in one resource but does nothing, or not what it seems to: warnings, never errors.

Calico accepts all of these without a message; every entry has one about what really happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.kubernetes import Service
from bgpctl.resources.values.field_finding import FieldFinding
from bgpctl.resources.values.model import Resource, yaml_name
from bgpctl.resources.values.names import GLOBAL_NAME
from bgpctl.yaml_source.path import Path

# RFC 4724: the restart time has 12 bits.
MAX_RESTART_TIME = 4095


@dataclass(frozen=True, slots=True)
class Advice:
    """`applies` is asked about a resource; `path` is the field it is about."""

    code: str
    path: Path
    applies: Callable[[Any], bool]
    message: str


def _ignored_restart_time(seconds: int | None) -> bool:
    return seconds is not None and not 0 <= seconds <= MAX_RESTART_TIME


def _has_remote(peer: BGPPeer) -> bool:
    return bool(peer.spec.peer_ip or peer.spec.peer_selector or peer.spec.local_workload_selector)


# Fields that are read from the global configuration only, though any configuration may have them.
GLOBAL_ONLY_AT_RUN_TIME = (
    "bind_mode",
    "ignored_interfaces",
    "ipv4_normal_route_priority",
    "ipv6_normal_route_priority",
    "local_workload_peering_ipv4",
    "local_workload_peering_ipv6",
    "program_cluster_routes",
    "service_load_balancer_aggregation",
)


def _global_only(field: str) -> Advice:
    return Advice(
        "read-from-default-only",
        ("spec", yaml_name(field)),
        lambda config: bool(config.node_name) and field in config.spec.model_fields_set,
        f"{yaml_name(field)} is read from the BGPConfiguration named {GLOBAL_NAME!r} only; it has no effect here",
    )


ADVICE: dict[type[Resource], tuple[Advice, ...]] = {
    BGPPeer: (
        Advice(
            "no-remote",
            ("spec",),
            lambda peer: not _has_remote(peer),
            "without peerIP, peerSelector or localWorkloadSelector this BGPPeer defines no session",
        ),
        Advice(
            "missing-as-number",
            ("spec", "peerIP"),
            lambda peer: bool(peer.spec.peer_ip) and not peer.spec.as_number,
            "without asNumber the session to this peerIP would have AS 0 as its remote AS; set asNumber",
        ),
        Advice(
            "no-effect",
            ("spec", "localASNumber"),
            lambda peer: peer.spec.local_as_number is not None and bool(peer.spec.peer_selector),
            "localASNumber has no effect together with peerSelector",
        ),
        Advice(
            "no-effect",
            ("spec", "numAllowedLocalASNumbers"),
            lambda peer: bool(peer.spec.num_allowed_local_as_numbers) and not peer.spec.peer_ip,
            "numAllowedLocalASNumbers has an effect only together with peerIP",
        ),
        Advice(
            "restart-time-range",
            ("spec", "maxRestartTime"),
            lambda peer: _ignored_restart_time(peer.spec.max_restart_time),
            f"a restart time is 0 to {MAX_RESTART_TIME} seconds (RFC 4724); this one cannot be advertised",
        ),
        Advice(
            "keepalive-range",
            ("spec", "keepaliveTime"),
            lambda peer: peer.spec.keepalive_time is not None and peer.spec.keepalive_time < 1,
            "a keepalive time below one second is not possible; leave it out for a third of the hold time",
        ),
    ),
    BGPConfiguration: (
        Advice(
            "ignored-name",
            ("metadata", "name"),
            lambda config: config.name != GLOBAL_NAME and not config.node_name,
            f"only {GLOBAL_NAME!r} and 'node.<node name>' are used as names; this BGPConfiguration is ignored",
        ),
        Advice(
            "restart-time-range",
            ("spec", "nodeMeshMaxRestartTime"),
            lambda config: _ignored_restart_time(config.spec.node_mesh_max_restart_time),
            f"a restart time is 0 to {MAX_RESTART_TIME} seconds (RFC 4724); this one cannot be advertised",
        ),
        *map(_global_only, GLOBAL_ONLY_AT_RUN_TIME),
    ),
    Service: (
        Advice(
            "load-balancer-ip",
            ("spec", "loadBalancerIP"),
            lambda service: bool(service.spec.load_balancer_ip and not service.spec.asked_address),
            "this is not an IP address, so no address is asked for; write one, or remove the field",
        ),
    ),
}


def advise(resource: Resource) -> Iterator[FieldFinding]:
    """Every warning about the resource by itself."""
    for advice in ADVICE.get(type(resource), ()):
        if advice.applies(resource):
            yield FieldFinding(advice.code, advice.path, advice.message)
    if isinstance(resource, BGPFilter):
        yield from _impossible_lengths(resource)


def _impossible_lengths(bgp_filter: BGPFilter) -> Iterator[FieldFinding]:
    for field in type(bgp_filter.spec).model_fields:
        for index, rule in enumerate(getattr(bgp_filter.spec, field)):
            length = rule.prefix_length
            if length and length.min is not None and length.max is not None and length.min > length.max:
                path: Path = ("spec", yaml_name(field), index, "prefixLength")
                yield FieldFinding("impossible-length", path, "min is above max: no prefix length lies between them")
