"""What runs in a node: its label `bgpctl-role`, as containerlab's kinds have no words for it.

node       a cluster node: `bgpctl agent` with kernel routes
reflector  a dedicated route reflector: `bgpctl agent --no-fib`
bird, frr, gobgp, openbgpd
           that routing daemon, with the configuration of the node's `startup-config`
host, pod  an address on a node, nothing but the kernel; the ping matrix is between them
router     nothing but the kernel; what a node without the label is
bridge     the same; of a node of the kind `bridge` all links' ends are ports of one bridge
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bgpctl.lab.topology.document import Element, suggestion

ROLE_LABEL = "bgpctl-role"


class Role(StrEnum):
    """The values of the label; `host` is another word for `pod`."""

    NODE = "node"
    REFLECTOR = "reflector"
    BIRD = "bird"
    FRR = "frr"
    GOBGP = "gobgp"
    OPENBGPD = "openbgpd"
    POD = "pod"
    ROUTER = "router"
    BRIDGE = "bridge"

    @property
    def runs_agent(self) -> bool:
        return self in (Role.NODE, Role.REFLECTOR)

    @property
    def runs_daemon(self) -> bool:
        return self in CONFIGURATION_MOUNTS

    @property
    def speaks_bgp(self) -> bool:
        return self.runs_agent or self.runs_daemon


# Where the daemons' images have their configuration: a bind to one of these means the same as `startup-config`.
CONFIGURATION_MOUNTS: Mapping[Role, tuple[str, ...]] = {
    Role.BIRD: ("/etc/bird/bird.conf", "/etc/bird.conf"),
    Role.FRR: ("/etc/frr/frr.conf",),
    Role.GOBGP: ("/etc/gobgp/gobgpd.toml", "/etc/gobgp/gobgpd.yaml", "/etc/gobgpd.conf"),
    Role.OPENBGPD: ("/etc/openbgpd/bgpd.conf", "/etc/bgpd.conf", "/etc/bgpd/bgpd.conf"),
}
_BY_WORD = {**{role.value: role for role in Role}, "host": Role.POD}


def read_role(element: Element, labels: Mapping[str, str], kind: str) -> Role:
    """The role of a node; a label that is unknown, or does not fit the kind, is a problem of `element`."""
    usual = Role.BRIDGE if kind == "bridge" else Role.ROUTER
    text = labels.get(ROLE_LABEL, usual.value)
    role = _BY_WORD.get(text)
    if role is None:
        element.complain(f"unknown {ROLE_LABEL} {text!r}{suggestion(text, _BY_WORD)}; known: {', '.join(_BY_WORD)}")
        return usual
    if kind == "bridge" and role is not Role.BRIDGE:
        element.complain(f"a node of the kind 'bridge' is a bridge; for the role {text!r} it has to be of kind 'linux'")
    return role
