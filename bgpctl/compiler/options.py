"""What a node's environment decides about its plan: everything that no resource says.

The agent fills these from its own options and from the node it runs on; the compiler itself looks at nothing but
its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL


@dataclass(frozen=True, slots=True)
class LocalWorkload:
    """A workload on this node that a BGPPeer with a localWorkloadSelector chose.

    bgp_peer      the name of that BGPPeer; which one it is was decided where the workloads are known
    addresses     its own addresses, with or without a prefix length; the first of each family gets a session
    """

    bgp_peer: str
    interface: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """The environment of one compilation.

    without_felix      nobody else on the node programs VXLAN pools (no Felix): the plan does
    use_pod_cidr       the node's status.podCIDRs are its blocks and block affinities are ignored
    router_id          "" = the node's IPv4 address, "hash" = derived from the node's name, else a dotted literal
    secret_namespace   where the Secrets of passwords are
    cluster_ip_range   replaces BGPConfiguration.serviceClusterIPs by this one network; "" = not
    local_workloads    the workloads that peer with this node
    route_protocol, route_table   the number that marks our kernel routes, and the table they are in
    """

    without_felix: bool = False
    use_pod_cidr: bool = False
    router_id: str = ""
    secret_namespace: str = "kube-system"  # noqa: S105  a namespace, not a password
    cluster_ip_range: str = ""
    local_workloads: tuple[LocalWorkload, ...] = ()
    route_protocol: int = ROUTE_PROTOCOL
    route_table: int = MAIN_TABLE
