"""Which daemon a role is, and the view of a node by its role."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bgpctl.errors import NotReadyError
from bgpctl.lab.daemons.bgp_view import BgpView
from bgpctl.lab.daemons.bird import Bird
from bgpctl.lab.daemons.daemon import Daemon, Place
from bgpctl.lab.daemons.daemon_view import DaemonView
from bgpctl.lab.daemons.frr import Frr
from bgpctl.lab.daemons.gobgp import GoBgp
from bgpctl.lab.daemons.openbgpd import OpenBgpd
from bgpctl.lab.daemons.speaker_view import SpeakerView
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node

DAEMONS: dict[Role, Daemon] = {
    Role.BIRD: Bird(),
    Role.FRR: Frr(),
    Role.GOBGP: GoBgp(),
    Role.OPENBGPD: OpenBgpd(),
}


def place_of(state: LabState, node: Node) -> Place:
    """Of a node whose role runs a daemon."""
    assert node.configuration is not None  # noqa: S101  the topology has complained otherwise
    return Place(node.name, state.node_directory(node.name), node.configuration)


def view_of(state: LabState, node: Node, names: Mapping[str, str] = MappingProxyType({})) -> BgpView:
    """The BGP of the node, from our speaker or its daemon. `names` (addresses.node_of_address) gives an address the
    name of its node, for the peers of sessions. Raises NotReadyError when the node speaks no BGP."""
    if node.role.runs_agent:
        return SpeakerView(state.node_directory(node.name), names)
    if node.role in DAEMONS:
        return DaemonView(DAEMONS[node.role], place_of(state, node), names)
    raise NotReadyError(f"the node {node.name} is a {node.role} and speaks no BGP")
