"""Annotations `bgpctl.io/<name>`: what our speaker can do and Calico's schema has no field for.

Rule: the table below is all there is. Calico keeps annotations and reads none of these, so one file serves both. A name
with our prefix that is not in the table, stands on the wrong kind, or has a value that cannot be read is an error, as
a misspelt field is; annotations with other prefixes are nobody's business here.

docs/annotations.md is written from the table (annotations_page.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bgpctl.resources.annotations import setting_texts as texts
from bgpctl.resources.annotations.settings import NOTHING_SAID, Settings
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.values.field_finding import FieldFinding
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.path import json_path
from bgpctl.yaml_source.scalars import scalar_text
from bgpctl.yaml_source.spelling import nearest

PREFIX = "bgpctl.io/"
PEER: tuple[type[Resource], ...] = (BGPPeer,)
CONFIGURATION: tuple[type[Resource], ...] = (BGPConfiguration,)
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
        'a number of routes such as "1000", with warn, drop or cease behind it if you like, or "off"',
        "How many routes of each family the peer may send. One more is said (`warn`), not taken (`drop`), or ends the "
        "session (`cease`, the default; RFC 4486).",
        "1000 drop",
    ),
    Annotation(
        "maximum-prefixes-warning",
        ANY,
        texts.percent,
        'a percentage from "1" to "100"',
        "From this part of `maximum-prefixes` on it is said; 75 otherwise.",
        "80",
    ),
    Annotation(
        "maximum-prefixes-restart",
        ANY,
        texts.duration,
        'a duration such as "5m"',
        "How long a session that was ended for `maximum-prefixes` stays down; otherwise, and with `0s`, until its "
        "definition changes.",
        "5m",
    ),
    Annotation(
        "role",
        PEER,
        texts.role,
        "one of provider, rs, rs-client, customer and peer",
        "What the nodes of this BGPPeer are to the other end (RFC 9234): routes cannot leak from one provider or peer "
        "to another. On eBGP sessions only.",
        "customer",
        "the other half of the pair: provider and customer, rs and rs-client, peer and peer",
    ),
    Annotation(
        "role-strict",
        PEER,
        texts.boolean,
        '"true" or "false"',
        "A peer that says no role is refused.",
        "true",
    ),
    Annotation(
        "long-lived-stale-time",
        ANY,
        texts.stale_time,
        'a duration from "0s" to 16777215 seconds',
        "How long routes of a peer that does not come back within its restart time are kept as a last resort "
        "(RFC 9494). Needs a restart time. Otherwise `24h` on sessions between nodes of the cluster (the mesh, "
        "reflectors) and `0s`, not at all, on all others.",
        "1h",
    ),
    Annotation(
        "add-path",
        ANY,
        texts.add_path,
        '"all", "off" (in quotes) or a number of paths',
        "Whether several paths of a prefix may travel (RFC 7911), and at most how many we send, the best ones first; "
        "`all` otherwise.",
        "2",
    ),
    Annotation(
        "hold-time",
        ANY,
        texts.hold_time,
        'a duration: "0s", or "3s" to 65535 seconds',
        "The hold time that we propose; the smaller one of both ends counts (RFC 4271 4.2). `0s` means no KEEPALIVEs, "
        "and no notice of a peer that vanishes. 240 s otherwise, as in Calico.",
        "90s",
    ),
    Annotation(
        "families",
        ANY,
        texts.families,
        'one or both of ipv4 and ipv6, such as "ipv4,ipv6"',
        "What the session carries besides the family of its own address. IPv4 on an IPv6 session gets IPv6 next hops "
        "(RFC 8950); for IPv6 on an IPv4 session our own routes have no next hop to advertise.",
        "ipv4,ipv6",
    ),
    Annotation(
        "cluster-id",
        PEER,
        texts.cluster_id,
        'four numbers with dots such as "224.0.0.2"',
        "On the route reflector that this BGPPeer gives clients: the cluster that they are in (RFC 4456 7), instead of "
        "the node's routeReflectorClusterID.",
        "224.0.0.2",
        "the same; only a reflector with a client at the other end has a use for it",
    ),
    Annotation(
        "always-compare-med",
        CONFIGURATION,
        texts.boolean,
        '"true" or "false"',
        "MULTI_EXIT_DISC is compared between routes of different neighbouring ASes as well; `false` otherwise "
        "(RFC 4271 9.1.2.2 c).",
        "true",
    ),
    Annotation(
        "resolve-next-hops",
        CONFIGURATION,
        texts.boolean,
        '"true" or "false"',
        "A route whose next hop the kernel has no route to is not used, and a lower kernel metric to the next hop is "
        "preferred (RFC 4271 9.1.2); `true` otherwise.",
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
    """What its annotations say. Raises ValueError for what validation lets not pass."""
    said = {
        row.field: row.read(text)
        for key, text in resource.metadata.annotations.items()
        if key.startswith(PREFIX) and (row := BY_NAME.get(key.removeprefix(PREFIX))) is not None
    }
    return Settings(**said) if said else NOTHING_SAID  # type: ignore[arg-type]  # the table has a parser for each field


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
            "misplaced-annotation", path, f"a {kind.__name__} has no {row.name}; it belongs on a {where}"
        )
    elif isinstance(text, str):
        try:
            row.read(text)
        except ValueError:
            yield FieldFinding("bad-annotation", path, f"{text!r} is not {row.form}")


def _unknown(key: str) -> str:
    meant = nearest(key.removeprefix(PREFIX), BY_NAME)
    return f"there is no annotation {key!r}; " + (f"did you mean {PREFIX + meant!r}?" if meant else "remove it")
