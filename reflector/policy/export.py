"""What a kind of peer is advertised of a route: the export rules, next hop and attributes (RFC 4271 5 and 9.1.3).

Rule: peers with equal ExportKeys are advertised exactly the same octets, so everything that can make a difference is in
the key. A path is evaluated once per view and class of prefixes, and the path itself remembers the outcome.

    to     AS_PATH           LOCAL_PREF   MED                   extended communities   reflection attributes
    eBGP   own AS in front   removed      own, or of a policy   transitive ones        removed
    iBGP   as it is          kept         kept                  all                    added when reflected

Segments of a confederation are removed from AS_PATH towards eBGP peers (RFC 5065 5.3): they can only have come from
inside our AS. ONLY_TO_CUSTOMER follows our role on an external session (roles). While this node drains, what would draw
traffic to it is marked (graceful_shutdown) or withdrawn (drain).

The next hop (RFC 4271 5.1.3), where "own" is our address on this session. What an export policy sets stands above an
import policy's "self", and that above the session's mode:

    mode   to eBGP   to iBGP
    auto   own       kept
    self   own       own, also of a reflected route
    keep   kept      kept; in any mode own for a route of this node that has none

The third-party next hop that RFC 4271 5.1.3 allows towards an external peer on a shared subnet is never chosen by
itself: the speaker knows the addresses of its sessions, not the subnets that they are on, and its own address is
always right. `keep` and SetNextHop choose it. A route is withheld (NO_NEXT_HOP) if

    - we would be it and have no address of its family on this session. With extended next hops (RFC 8950) our IPv6
      address serves IPv4 routes as well. For IPv6 routes on an IPv4 session there is no such thing: an IPv4-mapped
      address is for labelled routes (RFC 4798)
    - an IPv4 route has an IPv6 next hop and the peer has not announced that it takes those (RFC 8950 4)
    - the next hop is the external peer itself: that peer would have to ignore the route (RFC 4271 5.1.3 and 6.3)
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple
from weakref import WeakValueDictionary

from reflector.drain import Stage
from reflector.plan import Family, NextHopMode, Role, SessionType
from reflector.plan import Verdict as PolicyVerdict
from reflector.policy import long_lived, roles
from reflector.policy.graceful_shutdown import RULE_DRAINING, is_marked, marked
from reflector.policy.reflection import Handling, handling, reflected
from reflector.policy.rules import PolicyChain
from reflector.rib.path import Path
from reflector.session.relation import Relation
from reflector.verdict import RouteVerdict
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import (
    NO_ADVERTISE,
    NO_EXPORT,
    NO_EXPORT_SUBCONFED,
    PathAttributes,
    prepend_as_path,
    without_confederation,
)
from reflector.wire.communities import transitive
from reflector.wire.update import LONGEST_KEY, room_for_routes


class ExportKey(NamedTuple):
    """All that decides what a peer is advertised. Peers of other ASes have a group each (`session`), so that a peer is
    not advertised its own routes; iBGP peers share.

    cluster     of a client: its cluster ID
    role        ours, if it means anything (roles)
    peer        the address of the peer of `session`, packed
    next_hops   our own address by family of the routes, for next hop self
    extended_next_hop   families that may have an IPv6 next hop though they are not IPv6 (RFC 8950)
    add_path    families that carry a path identifier towards the peer, and at most how many paths of a prefix
    long_lived  long-lived graceful restart was agreed on (RFC 9494)
    """

    relation: Relation
    session: str
    peer: bytes
    cluster: bytes
    role: Role | None
    local_as: int
    next_hop_mode: NextHopMode
    next_hops: tuple[tuple[Family, bytes], ...]
    extended_next_hop: frozenset[Family]
    families: tuple[Family, ...]
    add_path: frozenset[Family]
    add_path_limit: int
    four_octet_as: bool
    long_lived: bool
    max_length: int
    policies: tuple[str, ...]
    default: PolicyVerdict
    stage: Stage = Stage.IN_USE

    @property
    def session_type(self) -> SessionType:
        return SessionType.EBGP if self.relation is Relation.EBGP else SessionType.IBGP


class Advertisement:
    """Attributes as this kind of peer gets them, and their encoded block. One object for equal attributes."""

    __slots__ = ("__weakref__", "attributes", "block")

    def __init__(self, attributes: PathAttributes, *, four_octet_as: bool) -> None:
        self.attributes = attributes
        self.block = encode_attributes(attributes, four_octet_as=four_octet_as)


class ExportDecision(NamedTuple):
    """`attributes` and their encoding are None unless the verdict is ADVERTISED; `rule` names the policy rule that
    decided."""

    verdict: RouteVerdict
    rule: str
    attributes: PathAttributes | None
    advertisement: Advertisement | None = None


class SpeakerIdentity(NamedTuple):
    """What of this speaker enters into routes: router ID and cluster ID (b"" if it is no reflector)."""

    router_id: bytes
    cluster_id: bytes


_serial = count(1)


class ExportView:
    """One ExportKey with its policies made ready: what such peers are advertised of a path. `serial` is unique."""

    def __init__(self, key: ExportKey, chains: dict[Family, PolicyChain], identity: SpeakerIdentity) -> None:
        self.key = key
        self.serial = next(_serial)
        self._chains = chains
        self._identity = identity
        self._next_hops = dict(key.next_hops)
        self._advertisements: WeakValueDictionary[PathAttributes, Advertisement] = WeakValueDictionary()
        self.uses_prefix = any(chain.uses_prefix for chain in chains.values())

    def advertisement(self, path: Path | None, prefix_class: int) -> Advertisement | None:
        """What these peers are advertised of the path, None for nothing."""
        if path is None:
            return None
        memory = (self.serial, prefix_class if self.uses_prefix else 0)
        try:
            return path.exports[memory]  # type: ignore[return-value]  # only this method writes entries
        except KeyError:
            result = path.exports[memory] = self.decide(path, prefix_class).advertisement
            return result

    def _intern(self, attributes: PathAttributes) -> Advertisement:
        known = self._advertisements.get(attributes)
        if known is None:
            known = Advertisement(attributes, four_octet_as=self.key.four_octet_as)
            self._advertisements[attributes] = known
        return known

    def decide(self, path: Path, prefix_class: int) -> ExportDecision:
        """The verdict with its reason, as `advertisement` acts on it."""
        attributes = path.attributes
        if attributes is None:
            return ExportDecision(path.verdict, path.rule, None)
        how = handling(path.relation, self.key.relation)
        withheld = self._withheld(path, attributes, how)
        if withheld is not None:
            return ExportDecision(withheld, "", None)
        outcome = self._chains[path.family].evaluate(path, self._without_received_med(path, attributes), prefix_class)
        if outcome.attributes is None:
            return ExportDecision(RouteVerdict.EXPORT_REJECTED, outcome.rule, None)
        next_hop = self._next_hop(path, outcome.attributes, outcome.next_hop_mode)
        unusable = self._unusable(path.family, next_hop)
        if unusable:
            return ExportDecision(RouteVerdict.NO_NEXT_HOP, unusable, None)
        attributes = long_lived.advertised(path, outcome.attributes, peer_supports_it=self.key.long_lived)
        rule = outcome.rule
        if next_hop != attributes.next_hop:
            attributes = attributes.replace(next_hop=next_hop)
        if self.key.stage is not Stage.IN_USE and is_marked(how, next_hop, self._next_hops.get(path.family, b"")):
            if self.key.stage is Stage.WITHDRAWN:
                return ExportDecision(RouteVerdict.DRAINED, rule, None)
            attributes, rule = marked(attributes), f"{rule}; {RULE_DRAINING}"
        sent = self._sent(path, attributes, how)
        advertisement = self._intern(sent)
        if not self._fits(path.family, advertisement):
            return ExportDecision(RouteVerdict.TOO_LONG, rule, None)
        return ExportDecision(RouteVerdict.ADVERTISED, rule, sent, advertisement)

    def _fits(self, family: Family, advertisement: Advertisement) -> bool:
        """RFC 8654 5: what came in an extended message may not fit into one of a peer that has none."""
        next_hop = advertisement.attributes.next_hop
        return room_for_routes(family, len(advertisement.block), next_hop, self.key.max_length) >= LONGEST_KEY[family]

    def _withheld(self, path: Path, attributes: PathAttributes, how: Handling) -> RouteVerdict | None:
        if how is Handling.WITHHOLD:
            return RouteVerdict.NOT_REFLECTED
        if self.key.session and path.sender is not None and path.sender.name == self.key.session:
            return RouteVerdict.OWN_ROUTE
        if NO_ADVERTISE in attributes.communities:
            return RouteVerdict.NO_ADVERTISE
        if self.key.relation is Relation.EBGP and (
            NO_EXPORT in attributes.communities or NO_EXPORT_SUBCONFED in attributes.communities
        ):
            return RouteVerdict.NO_EXPORT
        if roles.is_withheld(self.key.role, attributes):
            return RouteVerdict.ONLY_TO_CUSTOMER
        if attributes.is_long_lived_stale and self.key.relation is Relation.EBGP and not self.key.long_lived:
            return RouteVerdict.STALE_NOT_SENT
        return None

    def _without_received_med(self, path: Path, attributes: PathAttributes) -> PathAttributes:
        """RFC 4271 5.1.4: another AS's MED goes to no third one; what a policy sets after this is ours."""
        if self.key.relation is Relation.EBGP and path.sender is not None:
            return attributes.replace(med=None)
        return attributes

    def _next_hop(self, path: Path, attributes: PathAttributes, of_policy: NextHopMode | None) -> bytes:
        """By the table at the top; b"" if there is none."""
        own = self._next_hops.get(path.family, b"")
        mode = of_policy or (NextHopMode.SELF if path.next_hop_self else self.key.next_hop_mode)
        if not attributes.next_hop or mode is NextHopMode.SELF:
            return own
        if self.key.relation is Relation.EBGP and mode is NextHopMode.AUTO:
            return own
        # A link-local address beside the global one means nothing on another link (RFC 2545 3).
        return attributes.next_hop[:16]

    def _unusable(self, family: Family, next_hop: bytes) -> str:
        """Why such peers cannot be advertised this next hop, "" if they can."""
        if not next_hop:
            return "this node has no address of the route's family on the session"
        if family == 4 and len(next_hop) == 16 and family not in self.key.extended_next_hop:
            return "its next hop is IPv6, which the peer does not take for IPv4 routes (RFC 8950)"
        if next_hop == self.key.peer:
            return "its next hop is the peer itself (RFC 4271 5.1.3)"
        return ""

    def _sent(self, path: Path, attributes: PathAttributes, how: Handling) -> PathAttributes:
        """Attributes by the table at the top."""
        if self.key.relation is Relation.EBGP:
            return roles.sent(self.key.role, self.key.local_as, self._to_external(attributes))
        if how is Handling.REFLECT and path.sender is not None:
            learned_from = path.sender.cluster(self._identity.cluster_id)
            return reflected(attributes, path.sender.router_id, self.key.cluster, learned_from)
        return attributes

    def _to_external(self, attributes: PathAttributes) -> PathAttributes:
        return attributes.replace(
            as_path=prepend_as_path(without_confederation(attributes.as_path), (self.key.local_as,)),
            local_pref=None,
            originator_id=b"",
            cluster_list=(),
            extended_communities=transitive(attributes.extended_communities),
        )
