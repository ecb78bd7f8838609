"""Annotations `bgpctl.io/<name>`: what our speaker can do and Calico's schema has no field for.

Rule: the table below is all there is. Calico keeps annotations and reads none of these, so one file serves both. A name
with our prefix that is not in the table, stands on the wrong kind, or has a value that is not valid is an error, as a
 misspelt field is; annotations with other prefixes are ignored.

docs/annotations.md is written from the table (annotations_page.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bgpctl.resources.annotations import setting_texts as texts
from bgpctl.resources.annotations.settings import NO_SETTINGS, Settings
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.values.field_finding import FieldFinding
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.path import json_path
from bgpctl.yaml_source.scalars import scalar_text
from bgpctl.yaml_source.spelling import nearest

PREFIX = "bgpctl.io/"
PEER: tuple[type[Resource], ...] = (BGPPeer,)
CONFIGURATION: tuple[type[Resource], ...] = (BGPConfiguration,)
NODE: tuple[type[Resource], ...] = (Node,)
ANY = PEER + CONFIGURATION


@dataclass(frozen=True, slots=True)
class Annotation:
    """One row.

    name      behind the prefix; with "_" for "-" the field of Settings
    kinds     where it is allowed
    read      its text -> the field's value; raises ValueError
    form      what may be written, as the end of the sentence "... is not"
    meaning   for the page in docs
    example   a value that can be read
    far_end   what the other end of a BGPPeer's session makes of it, if not the same
    """

    name: str
    kinds: tuple[type[Resource], ...]
    read: Callable[[str], object]
    form: str
    meaning: str
    example: str
    far_end: str = ""

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


TABLE = (
    Annotation(
        "maximum-prefixes",
        ANY,
        texts.prefix_limit,
        'a number of routes such as "1000", optionally followed by warn, drop or cease, or "off"',
        "How many routes of each address family the peer may advertise. What happens with one more: a warning in the "
        "log (`warn`), the route is not accepted (`drop`), or the session is closed (`cease`, the default; RFC 4486). "
        "Without this setting, and with `off`, a session is closed for five minutes at 1,500,000 routes.",
        "1000 drop",
    ),
    Annotation(
        "maximum-prefixes-warning",
        ANY,
        texts.percent,
        'a percentage from "1" to "100"',
        "At this percentage of `maximum-prefixes` a warning is logged. Default: 75.",
        "80",
    ),
    Annotation(
        "maximum-prefixes-restart",
        ANY,
        texts.duration,
        'a duration such as "5m"',
        "How long a session that was closed because of `maximum-prefixes` stays down. Default: `0s`, which means until "
        "its definition changes.",
        "5m",
    ),
    Annotation(
        "role",
        PEER,
        texts.role,
        "one of provider, rs, rs-client, customer and peer",
        "The BGP role of the nodes that this BGPPeer selects (RFC 9234). Roles prevent route leaks: routes from one "
        "provider or peer are not advertised to another. Only for eBGP sessions.",
        "customer",
        "the opposite role. The pairs are provider and customer, rs and rs-client, peer and peer",
    ),
    Annotation(
        "role-strict",
        PEER,
        texts.boolean,
        '"true" or "false"',
        "The session is refused if the peer announces no role. Default: `false`.",
        "true",
    ),
    Annotation(
        "long-lived-stale-time",
        ANY,
        texts.stale_time,
        'a duration from "0s" to 16777215 seconds',
        "How long routes are kept as a last resort if their peer does not return within its restart time (RFC 9494). "
        "Needs a restart time. Default: `24h` on sessions between nodes of the cluster (the mesh, reflectors), and "
        "`0s` (routes are not kept) on all others.",
        "1h",
    ),
    Annotation(
        "allow-martians",
        ANY,
        texts.networks,
        'one or several networks, such as "169.254.0.0/16"',
        "Networks whose prefixes the peer may advertise although no peer may by default: loopback, link-local, "
        "multicast and reserved addresses. Default: none.",
        "169.254.0.0/16",
    ),
    Annotation(
        "discard-attributes",
        ANY,
        texts.attribute_types,
        'one or several attribute types from "1" to "255", without those that every route needs',
        "Path attributes that are discarded when they come from the peer, by their type code. It applies from the next "
        "UPDATE on. Default: none.",
        "22,40,128",
    ),
    Annotation(
        "add-path",
        ANY,
        texts.add_path,
        '"all", "off" (in quotes) or a number of paths',
        "Whether several paths of a prefix may be sent and received (RFC 7911), and how many of them this end sends at "
        "most, the best first. Default: `all`.",
        "2",
    ),
    Annotation(
        "hold-time",
        ANY,
        texts.hold_time,
        'a duration: "0s", or "3s" to 65535 seconds',
        "The hold time that this end proposes. The shorter one of both ends is used (RFC 4271 4.2). `0s` means that no "
        "KEEPALIVE messages are sent, and that a peer which disappears is not noticed. Default: 240 s, as in Calico.",
        "90s",
    ),
    Annotation(
        "families",
        ANY,
        texts.families,
        'one or both of ipv4 and ipv6, such as "ipv4,ipv6"',
        "The address families that the session carries, in addition to the family of its own addresses. On an IPv6 "
        "session, IPv4 routes have IPv6 next hops (RFC 8950). On an IPv4 session, the node cannot advertise its own "
        "IPv6 routes, because they have no next hop there.",
        "ipv4,ipv6",
    ),
    Annotation(
        "cluster-id",
        PEER,
        texts.cluster_id,
        'four numbers with dots such as "224.0.0.2"',
        "For a route reflector: the cluster ID of the clients that this BGPPeer gives it (RFC 4456 7), instead of the "
        "node's `routeReflectorClusterID`.",
        "224.0.0.2",
        "the same, and without effect unless that end is a reflector and this end its client",
    ),
    Annotation(
        "always-compare-med",
        CONFIGURATION,
        texts.boolean,
        '"true" or "false"',
        "MULTI_EXIT_DISC is compared between routes of different neighbouring ASes as well (RFC 4271 9.1.2.2 c). "
        "Default: `false`.",
        "true",
    ),
    Annotation(
        "resolve-next-hops",
        CONFIGURATION,
        texts.boolean,
        '"true" or "false"',
        "A route is used only if the kernel has a route to its next hop, and among several next hops the one with the "
        "lower kernel metric is preferred (RFC 4271 9.1.2). Default: `true`.",
        "false",
    ),
    Annotation(
        "allow-underlay-routes",
        CONFIGURATION,
        texts.networks,
        'one or several networks, such as "10.0.0.128/25"',
        "Networks inside which the agent programs routes that it refuses by default: those that would take the way to "
        "the node's own network, to a peer or to a next hop ([kernel-routes.md](kernel-routes.md)). Default: none.",
        "10.0.0.128/25",
    ),
    Annotation(
        "lost-sessions-limit",
        CONFIGURATION,
        texts.loss_limit,
        'a percentage from "1%" to "100%", or "off"',
        "A new plan that ends more than this part of the Established sessions to the cluster, and at least two, is "
        "held until somebody confirms it ([held-changes.md](held-changes.md)). Default: `50%`.",
        "30%",
    ),
    Annotation(
        "last-session-held",
        CONFIGURATION,
        texts.boolean,
        '"true" or "false"',
        "A new plan that ends the last session of a family to a reflector or to the mesh, to a client, or of any kind, "
        "is held. Default: `true`.",
        "false",
    ),
    Annotation(
        "lost-routes-limit",
        CONFIGURATION,
        texts.loss_limit,
        'a percentage from "1%" to "100%", or "off"',
        "A new plan that ends the only sources of more than this part of the learned routes of a family, or the rules "
        "of more than this part of the kernel routes, is held. Default: `50%`.",
        "30%",
    ),
    Annotation(
        "lost-originations-limit",
        CONFIGURATION,
        texts.loss_limit,
        'a percentage from "1%" to "100%", or "off"',
        "A new plan that takes more than this part of the node's own originations is held. Default: `50%`.",
        "30%",
    ),
    Annotation(
        "lost-nodes-limit",
        CONFIGURATION,
        texts.loss_limit,
        'a percentage from "1%" to "100%", or "off"',
        "Where more than this part of the Nodes is missing, and at least two, the sessions and tunnel endpoints of the "
        "missing ones are held. Default: `50%`.",
        "30%",
    ),
    Annotation(
        "confirm",
        CONFIGURATION,
        texts.digests,
        'the digest of a held change, twelve digits such as "b3f90c1d2e4a", or several with commas between them',
        "The held change with this digest, which `bgpctl status` prints, is put in place, and nothing "
        "else. It counts once: remove it when the change is in force.",
        "b3f90c1d2e4a",
    ),
    Annotation(
        "speaker",
        NODE,
        texts.boolean,
        '"true" or "false"',
        "Whether the node has a BGP speaker. One that has none is in no mesh and no reflector's client, and its blocks "
        "are reached through the VXLAN ([nodes-without-speaker.md](nodes-without-speaker.md)). Default: `false` for a "
        "Node with the label `kubernetes.io/os: windows` and an `ipv4VXLANTunnelAddr`, `true` for any other.",
        "false",
    ),
)

BY_NAME = {row.name: row for row in TABLE}


def annotation_key(field: str) -> str:
    """ "hold_time" -> "bgpctl.io/hold-time"."""
    return PREFIX + field.replace("_", "-")


def annotation_path(field: str) -> str:
    """Where the annotation of a field of Settings stands: "$.metadata.annotations['bgpctl.io/hold-time']"."""
    return json_path(("metadata", "annotations", annotation_key(field)))


def settings_of(resource: Resource) -> Settings:
    """What its annotations set. Raises ValueError for values that validation refuses."""
    values = {
        row.field: row.read(text)
        for key, text in resource.metadata.annotations.items()
        if key.startswith(PREFIX) and (row := BY_NAME.get(key.removeprefix(PREFIX))) is not None
    }
    return Settings(**values) if values else NO_SETTINGS  # type: ignore[arg-type]  # the table has a parser for each field


def refused_annotations(kind: type[Resource], data: dict[str, Any]) -> Iterator[FieldFinding]:
    """Everything that is wrong with our annotations in the data of a resource of this kind."""
    metadata = data.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        if isinstance(key, str) and key.startswith(PREFIX):
            yield from _refused(kind, key, scalar_text(value))


def _refused(kind: type[Resource], key: str, text: Any) -> Iterator[FieldFinding]:
    path = ("metadata", "annotations", key)
    row = BY_NAME.get(key.removeprefix(PREFIX))
    if row is None:
        yield FieldFinding("unknown-annotation", path, _unknown(key))
    elif kind not in row.kinds:
        where = " or a ".join(each.__name__ for each in row.kinds)
        yield FieldFinding(
            "misplaced-annotation", path, f"{row.name} has no meaning on a {kind.__name__}; write it on a {where}"
        )
    elif isinstance(text, str):
        try:
            row.read(text)
        except ValueError:
            yield FieldFinding("bad-annotation", path, f"{text!r} is not {row.form}")


def _unknown(key: str) -> str:
    meant = nearest(key.removeprefix(PREFIX), BY_NAME)
    return f"there is no annotation {key!r}; " + (f"did you mean {PREFIX + meant!r}?" if meant else "remove it")
