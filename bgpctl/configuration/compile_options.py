"""The options that decide about plans, for the agent and for every command that compiles: what no resource has.

The agent adds the workloads that it finds on its node; the compiler itself looks at nothing but its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated

from bgpctl.configuration.option import Option
from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL

# Below are the numbers of the kernel and of people who type `ip route add` (rtnetlink(7)).
LOWEST_PROTOCOL, HIGHEST_PROTOCOL = 5, 255
LOCAL_TABLE, HIGHEST_TABLE = 255, 2**32 - 1


@dataclass(frozen=True, slots=True)
class LocalWorkload:
    """A workload on this node that a BGPPeer with a localWorkloadSelector chose.

    bgp_peer      the name of that BGPPeer; which one it is was decided where the workloads are known
    addresses     its own addresses, with or without a prefix length; the first of each family gets a session
    """

    bgp_peer: str
    interface: str
    addresses: tuple[str, ...]


def _protocol(text: str) -> int:
    if not text.isdecimal() or not LOWEST_PROTOCOL <= int(text) <= HIGHEST_PROTOCOL:
        raise ValueError(f"{text!r} is not a number from {LOWEST_PROTOCOL} to {HIGHEST_PROTOCOL}")
    return int(text)


def _table(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_TABLE:
        raise ValueError(f"{text!r} is not a number from 1 to {HIGHEST_TABLE}")
    if int(text) == LOCAL_TABLE:
        raise ValueError(f"{LOCAL_TABLE} is the kernel's table of its own addresses")
    return int(text)


def _network(text: str) -> str:
    if text:
        ip_network(text, strict=False)
    return text


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """The environment of one compilation.

    without_felix      no other program of the node programs VXLAN pools: the plan does
    use_pod_cidr       the node's status.podCIDRs are its blocks and block affinities are ignored
    router_id          "" = the node's IPv4 address, "hash" = derived from the node's name, else a dotted literal
    secret_namespace   where the Secrets of passwords are
    cluster_ip_range   replaces BGPConfiguration.serviceClusterIPs by this one network; "" = not
    route_protocol, route_table   the number that marks our kernel routes, and the table they are in
    local_workloads    the workloads that peer with this node
    keys_by_reference  passwords are not looked up: the plan says where each is (bgpctl/node_plan/keys.py)
    """

    without_felix: Annotated[
        bool,
        Option(
            "Felix does not run on the nodes: VXLAN routes and devices are planned and programmed as well.",
            opposite="--with-felix",
        ),
    ] = False
    use_pod_cidr: Annotated[
        bool,
        Option(
            "A node's blocks are its status.podCIDRs (host-local IPAM); block affinities are ignored.",
            opposite="--use-block-affinities",
        ),
    ] = False
    router_id: Annotated[
        str,
        Option(
            "The router ID: an IPv4 address, or `hash` for one derived from the node's name.",
            metavar="ID",
            default="the node's IPv4 address",
        ),
    ] = ""
    secret_namespace: Annotated[str, Option("The namespace of the Secrets with passwords.", metavar="NAME")] = (
        "kube-system"  # noqa: S105  a namespace, not a password
    )
    cluster_ip_range: Annotated[
        str,
        Option(
            "The network of cluster IPs that is advertised, in place of serviceClusterIPs of the BGPConfiguration.",
            parse=_network,
            metavar="CIDR",
            default="as the BGPConfiguration has it",
        ),
    ] = ""
    route_protocol: Annotated[
        int,
        Option("The protocol number that marks our kernel routes, from 5 to 255.", parse=_protocol, metavar="NUMBER"),
    ] = ROUTE_PROTOCOL
    route_table: Annotated[
        int,
        Option(
            "The table of our kernel routes; one that is not main needs an `ip rule`.", parse=_table, metavar="NUMBER"
        ),
    ] = MAIN_TABLE
    local_workloads: tuple[LocalWorkload, ...] = ()
    keys_by_reference: bool = False
