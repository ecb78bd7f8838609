"""What is advertised of this node's own routes, before and after: the engine's export rules, asked twice.

Only routes that both plans originate, on sessions that both plans have: what is added and removed is in other parts of
the difference. The next hop is left out: it is this node's address under any policy. What the node advertises of other
nodes' routes depends on what those send, and no plan knows that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.plan_diff.difference import VerdictChange
from reflector.addresses import family_of, pack_address
from reflector.plan import Family, NodePlan, SessionPlan
from reflector.policy.export import ExportDecision, ExportView
from reflector.policy.policy_set import PolicySet
from reflector.rib.originate import by_prefix, originated_routes
from reflector.rib.path import Path
from reflector.session.negotiated import Negotiated
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import PathAttributes, format_as_path
from reflector.wire.communities import format_communities
from reflector.wire.nlri import unpack_nlri

UNSPECIFIED: dict[Family, str] = {4: "0.0.0.0", 6: "::"}  # noqa: S104  stands for an address the kernel will choose
ADVERTISED = "advertised"

Both = tuple[SessionPlan, SessionPlan]


class _Exports:
    """One plan's routes and what its policies make of them."""

    def __init__(self, plan: NodePlan) -> None:
        self._policies = PolicySet(plan)
        self.paths: dict[tuple[Family, bytes], Path] = {
            (family, nlri): path
            for family, paths in by_prefix(originated_routes(plan.originations).values()).items()
            for nlri, path in paths.items()
        }

    def view(self, session: SessionPlan) -> ExportView:
        """As for a peer that agrees to everything we offer; sessions with the same advertisements share it."""
        family = family_of(session.peer_address)
        address = pack_address(session.local_address or UNSPECIFIED[family])
        extended: frozenset[Family] = frozenset({4} if family == 6 and 4 in session.families else ())
        negotiated = Negotiated(b"", address, session.families, session.hold_time, extended_next_hop=extended)
        return self._policies.export_view(self._policies.export_key(session, negotiated))

    def decide(self, view: ExportView, route: tuple[Family, bytes]) -> ExportDecision | None:
        """None when the session does not carry the route's family."""
        family, nlri = route
        if family not in view.key.families:
            return None
        return view.decide(self.paths[route], self._policies.classes[family].classify(nlri))


def changed_verdicts(old: NodePlan, new: NodePlan) -> tuple[VerdictChange, ...]:
    """Routes that fare the same on the same sessions stand together."""
    sessions = _concerned(old, new)
    if not sessions:
        return ()
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (prefix, before, after), names in _by_route(_Exports(old), _Exports(new), sessions).items():
        alike.setdefault((before, after, tuple(names)), []).append(prefix)
    return tuple(
        VerdictChange(tuple(prefixes), sessions, before, after) for (before, after, sessions), prefixes in alike.items()
    )


def _concerned(old: NodePlan, new: NodePlan) -> list[Both]:
    """The sessions that both plans have, without those on which nothing can be advertised otherwise."""
    before = {session.name: session for session in old.sessions}
    is_same = _of_all_sessions(old) == _of_all_sessions(new)
    both = [(before[session.name], session) for session in new.sessions if session.name in before]
    return [(was, becomes) for was, becomes in both if not (is_same and was == becomes)]


def _of_all_sessions(plan: NodePlan) -> tuple[object, ...]:
    return plan.policies, plan.originations, plan.router_id, plan.cluster_id


def _by_route(old: _Exports, new: _Exports, sessions: Iterable[Both]) -> dict[tuple[str, str, str], list[str]]:
    """(prefix, advertised before, advertised after) -> the sessions on which it is so."""
    found: dict[tuple[str, str, str], list[str]] = {}
    routes = [route for route in new.paths if route in old.paths]
    for (before, after), names in _views(old, new, sessions).items():
        for route in routes:
            for was, becomes in _differences(old.decide(before, route), new.decide(after, route)):
                found.setdefault((unpack_nlri(route[1], route[0]), was, becomes), []).extend(names)
    return found


def _views(old: _Exports, new: _Exports, sessions: Iterable[Both]) -> dict[tuple[ExportView, ExportView], list[str]]:
    """The views of the sessions, before and after, with the names of those that have both."""
    found: dict[tuple[ExportView, ExportView], list[str]] = {}
    for was, becomes in sessions:
        found.setdefault((old.view(was), new.view(becomes)), []).append(becomes.name)
    return found


def _differences(before: ExportDecision | None, after: ExportDecision | None) -> Iterator[tuple[str, str]]:
    """(was, becomes), if what the peer is sent differs."""
    if before is None or after is None or before.attributes is None or after.attributes is None:
        if _is_advertised(before) is not _is_advertised(after):
            yield _verdict(before), _verdict(after)
        return
    was, becomes = _attributes(before.attributes), _attributes(after.attributes)
    differing = [name for name in was if was[name] != becomes[name]]
    if differing:
        yield _text(was, differing), _text(becomes, differing)


def _is_advertised(decision: ExportDecision | None) -> bool:
    return decision is not None and decision.attributes is not None


def _verdict(decision: ExportDecision | None) -> str:
    if decision is None:
        return "not carried on the session"
    if decision.verdict is RouteVerdict.ADVERTISED:
        return ADVERTISED
    return f"withheld: {decision.verdict.text}" + (f" ({decision.rule})" if decision.rule else "")


def _attributes(attributes: PathAttributes) -> dict[str, str]:
    local_pref, med = attributes.local_pref, attributes.med
    return {
        "communities": " ".join(format_communities(attributes)),
        "LOCAL_PREF": "" if local_pref is None else str(local_pref),
        "AS_PATH": format_as_path(attributes.as_path),
        "MULTI_EXIT_DISC": "" if med is None else str(med),
        "ONLY_TO_CUSTOMER": "" if attributes.only_to_customer is None else str(attributes.only_to_customer),
    }


def _text(attributes: dict[str, str], names: list[str]) -> str:
    return ", ".join((ADVERTISED, *(f"{name} {attributes[name] or 'none'}" for name in names)))
