"""BGPPeers that want the same session with different options: one of them decides, the others have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.sessions.peering import Peering
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from bgpctl.resources.annotations.settings import NAMES, NO_SETTINGS, Settings
from bgpctl.resources.annotations.table import annotation_key
from bgpctl.resources.values.model import yaml_name

OPTIONS = (
    "filters",
    "keep_original_next_hop",
    "keepalive_time",
    "local_as_number",
    "max_restart_time",
    "next_hop_mode",
    "num_allowed_local_as_numbers",
    "password",
    "reachable_by",
    "source_address",
    "ttl_security",
)


def options_differ(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for each two BGPPeers, at the one that has no effect."""
    found: dict[tuple[str, str], tuple[str, str, list[str]]] = {}
    for name, peerings in cluster.peerings.items():
        for loser, winner in peerings.repeated:
            if loser.peer is None or winner.peer is None or (loser.peer.name, winner.peer.name) in found:
                continue
            differing = _differing(cluster, loser, winner)
            if differing:
                found[loser.peer.name, winner.peer.name] = name, loser.endpoint.address, differing
    for (loser_name, winner_name), (name, address, differing) in sorted(found.items()):
        message = (
            f"BGPPeer {winner_name!r} defines the session from {name} to {address} with other values of "
            f"{', '.join(differing)}; the values here have no effect on it"
        )
        yield Finding("options-differ", cluster.resources.bgp_peers[loser_name], "$.spec", message)


def _differing(cluster: ClusterSessions, loser: Peering, winner: Peering) -> list[str]:
    """The YAML names of the options that differ, and the annotations."""
    different = [name for name in OPTIONS if getattr(loser.spec, name) != getattr(winner.spec, name)]
    if loser.endpoint.as_number != winner.endpoint.as_number:
        different.append("as_number")
    return [*map(yaml_name, different), *_annotations(cluster, loser, winner)]


def _annotations(cluster: ClusterSessions, loser: Peering, winner: Peering) -> Iterator[str]:
    first, second = (_settings(cluster, each) for each in (loser, winner))
    yield from (annotation_key(name) for name in NAMES if getattr(first, name) != getattr(second, name))


def _settings(cluster: ClusterSessions, peering: Peering) -> Settings:
    """What the BGPPeer itself sets for this end."""
    if peering.peer is None:
        return NO_SETTINGS
    settings = cluster.index.peer_settings(peering.peer)
    return settings.at_the_other_end() if peering.reverse else settings
