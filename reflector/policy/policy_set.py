"""All policies of a plan made ready: import per session, export per kind of peer.

Rule: a PolicySet never changes; a plan with other policies gets a new one, and the engine moves from the old to the
new by comparing what each makes of routes. What import refuses before any policy is asked is in eligibility.
"""

from __future__ import annotations

from itertools import count

from reflector.addresses import pack_address
from reflector.drain import Stage
from reflector.plan import DEFAULT_LOCAL_PREF, Family, NextHopMode, NodePlan, SessionPlan, SessionType, Verdict
from reflector.policy import long_lived, roles
from reflector.policy.eligibility import Ourselves, own_addresses, refusal
from reflector.policy.export import ExportKey, ExportView, SpeakerIdentity
from reflector.policy.graceful_shutdown import LAST_RESORT, RULE_RECEIVED, is_honoured
from reflector.policy.prefix_classes import PrefixClasses, prefix_matches
from reflector.policy.rules import PolicyChain
from reflector.rib.path import Path
from reflector.session.negotiated import Negotiated
from reflector.session.relation import Relation, cluster_of, relation
from reflector.session.sender import Sender
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import PathAttributes

_serial = count(1)


class PolicySet:
    """`classes` divides prefixes by all conditions of the plan, by family; `serial` is unique to this object."""

    def __init__(self, plan: NodePlan) -> None:
        self.serial = next(_serial)
        self._policies = {policy.name: policy for policy in plan.policies}
        matches = prefix_matches(plan)
        self.classes: dict[Family, PrefixClasses] = {
            4: PrefixClasses(4, matches),
            6: PrefixClasses(6, matches),
        }
        self._identity = SpeakerIdentity(pack_address(plan.router_id), _cluster_id(plan))
        self._ourselves = Ourselves(self._identity.router_id, _cluster_ids(plan), own_addresses(plan))
        # As NLRI: what no peer may route elsewhere.
        self.own_hosts = frozenset(bytes((len(each) * 8,)) + each for each in self._ourselves.addresses)
        self._imports: dict[tuple[tuple[str, ...], Verdict, SessionType, Family], PolicyChain] = {}
        self._views: dict[ExportKey, ExportView] = {}

    # ------------------------------------------------------------------------------------ import

    def import_uses_prefix(self, session: SessionPlan, family: Family) -> bool:
        """Whether routes of one peer with equal attributes may fare differently by their prefix."""
        return self._import_chain(session, family).uses_prefix

    def import_path(
        self, sender: Sender, session: SessionPlan, family: Family, received: PathAttributes, prefix_class: int
    ) -> Path:
        """What import makes of these attributes from this peer, whose session is now defined so."""
        refused = refusal(sender, session, received, self._ourselves)
        if refused is not None:
            return Path(sender, family, received, None, refused.verdict, refused.rule)
        attributes = roles.received(roles.role_of(session), session.peer_as, received)
        if attributes.local_pref is None:
            attributes = attributes.replace(local_pref=DEFAULT_LOCAL_PREF)
        candidate = Path(sender, family, received, attributes)
        chain = self._import_chain(session, family)
        outcome = chain.evaluate(candidate, attributes, prefix_class)
        if outcome.attributes is None:
            return Path(sender, family, received, None, RouteVerdict.IMPORT_REJECTED, outcome.rule)
        accepted = long_lived.imported(received, outcome.attributes)
        candidate.attributes = accepted
        candidate.rule = long_lived.rule_of(outcome.rule, accepted)
        if is_honoured(sender.relation, accepted):
            candidate.attributes = accepted.replace(local_pref=LAST_RESORT)
            candidate.rule = f"{candidate.rule}; {RULE_RECEIVED}"
        candidate.next_hop_self = outcome.next_hop_mode is NextHopMode.SELF
        return candidate

    def _import_chain(self, session: SessionPlan, family: Family) -> PolicyChain:
        key = (session.import_policies, session.import_default, session.session_type, family)
        known = self._imports.get(key)
        if known is None:
            policies = [self._policies[name] for name in session.import_policies]
            known = PolicyChain(policies, session.import_default, session.session_type, self.classes[family])
            self._imports[key] = known
        return known

    # ------------------------------------------------------------------------------------ export

    def export_key(self, session: SessionPlan, negotiated: Negotiated, stage: Stage = Stage.IN_USE) -> ExportKey:
        """What decides the octets that this peer is sent."""
        is_external = relation(session) is Relation.EBGP
        return ExportKey(
            relation=relation(session),
            session=session.name if is_external else "",
            peer=pack_address(session.peer_address) if is_external else b"",
            cluster=cluster_of(session, self._identity.cluster_id),
            role=roles.role_of(session),
            local_as=session.local_as,
            next_hop_mode=session.next_hop_mode,
            next_hops=_own_next_hops(negotiated),
            extended_next_hop=negotiated.extended_next_hop,
            families=negotiated.families,
            add_path=negotiated.add_path_send,
            add_path_limit=session.add_path_limit if negotiated.add_path_send else 0,
            four_octet_as=negotiated.four_octet_as,
            long_lived=negotiated.long_lived is not None,
            max_length=negotiated.max_length,
            policies=session.export_policies,
            default=session.export_default,
            stage=stage,
        )

    def export_view(self, key: ExportKey) -> ExportView:
        """The one view of this key: paths stay evaluated for a peer that is Established anew."""
        known = self._views.get(key)
        if known is None:
            known = self._views[key] = self._make_view(key)
        return known

    def _make_view(self, key: ExportKey) -> ExportView:
        policies = [self._policies[name] for name in key.policies]
        chains = {
            family: PolicyChain(policies, key.default, key.session_type, self.classes[family])
            for family in key.families
        }
        return ExportView(key, chains, self._identity)


def _own_next_hops(negotiated: Negotiated) -> tuple[tuple[Family, bytes], ...]:
    """Our address on the session, by the families whose routes may have it as next hop."""
    address = negotiated.local_address
    if len(address) == 4:
        return ((4, address),)
    return ((4, address), (6, address)) if 4 in negotiated.extended_next_hop else ((6, address),)


def _cluster_id(plan: NodePlan) -> bytes:
    """The plan's, else the router ID of a reflector (RFC 4456 7), b"" for who reflects nothing."""
    if plan.cluster_id:
        return pack_address(plan.cluster_id)
    return pack_address(plan.router_id) if any(session.rr_client for session in plan.sessions) else b""


def _cluster_ids(plan: NodePlan) -> frozenset[bytes]:
    """Of all clusters that this node serves: by any of them it knows a route that has been here (RFC 4456 8). A cluster
    is served that a client is in: a node with a cluster ID and no client uses what others of the cluster reflect."""
    own = _cluster_id(plan)
    return frozenset(cluster_of(session, own) for session in plan.sessions) - {b""}


# What of a session decides the fate of routes; the rest of it is the session layer's.
_POLICY_FIELDS = (
    "local_as",
    "peer_as",
    "rr_client",
    "cluster_id",
    "next_hop_mode",
    "import_policies",
    "export_policies",
    "import_default",
    "export_default",
    "allow_local_as",
    "allow_martians",
    "add_path_limit",
    "role",
)


def _of_all_sessions(plan: NodePlan) -> tuple[object, ...]:
    clusters = _cluster_id(plan), _cluster_ids(plan)
    identity = plan.router_id, clusters, own_addresses(plan)
    return plan.policies, identity, plan.always_compare_med, plan.resolve_next_hops


def same_policies(old: NodePlan, new: NodePlan) -> bool:
    """A PolicySet made for `old` serves `new` as well: sessions that come or go make no difference to the others."""
    if _of_all_sessions(old) != _of_all_sessions(new):
        return False
    before = {session.name: session for session in old.sessions}
    return all(
        getattr(session, field) == getattr(before[session.name], field)
        for session in new.sessions
        if session.name in before and session != before[session.name]
        for field in _POLICY_FIELDS
    )
