"""Which nodes one object concerns: those whose plan would be another one without it.

Rule: the compiler is asked, with the object and without it, about the nodes that it may concern (compiler/affected.py).
Of more than MOST_COMPILED only that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bgpctl.compiler import ClusterIndex, CompileError, CompileOptions, compile_node
from bgpctl.compiler.affected import affected
from bgpctl.resources.resource_set import COLLECTION_OF_KIND
from bgpctl.resources.values.model import Key
from reflector.plan import NodePlan, SessionPlan, SuppressedSession

MOST_COMPILED = 500


@dataclass(frozen=True, slots=True)
class Concerned:
    """is_certain   False: it may be fewer
    sessions     of these nodes those that the object defines, or of a Node its own, with the node
    suppressed   likewise those that cannot be set up
    """

    nodes: tuple[str, ...] = ()
    is_certain: bool = True
    sessions: tuple[tuple[str, SessionPlan], ...] = ()
    suppressed: tuple[tuple[str, SuppressedSession], ...] = ()


def concerned_by(index: ClusterIndex, kind: str, key: Key, options: CompileOptions) -> Concerned:
    """`index` is of a cluster that has the resource, if it is valid; otherwise it concerns none."""
    if kind not in COLLECTION_OF_KIND or index.resources.version(kind, key) is None:
        return Concerned()
    without = ClusterIndex(index.resources.with_versions({(kind, key): None}), index)
    # A Secret concerns who names it only where keys are looked up.
    looked_up = replace(options, keys_by_reference=options.keys_by_reference and kind != "Secret")
    candidates = affected(without, index, looked_up) | affected(index, without, looked_up)
    if kind == "Node" and isinstance(key, str):
        candidates |= {key}
    if len(candidates) > MOST_COMPILED:
        return Concerned(tuple(sorted(candidates)), is_certain=False)
    nodes: list[str] = []
    sessions: list[tuple[str, SessionPlan]] = []
    suppressed: list[tuple[str, SuppressedSession]] = []
    for name in sorted(candidates):
        plan = _plan(index, name, looked_up)
        if plan == _plan(without, name, looked_up):
            continue
        nodes.append(name)
        if plan is not None:
            own = kind == "Node" and name == key
            sessions += [(name, each) for each in plan.sessions if own or _defines(kind, key, each.defined_by)]
            suppressed += [(name, each) for each in plan.suppressed if own or _defines(kind, key, each.reason)]
    return Concerned(tuple(nodes), sessions=tuple(sessions), suppressed=tuple(suppressed))


def _plan(index: ClusterIndex, node: str, options: CompileOptions) -> NodePlan | None:
    """None where there is none, for whatever reason."""
    if node not in index.nodes:
        return None
    try:
        return compile_node(index.resources, node, options, index).plan
    except CompileError:
        return None


def _defines(kind: str, key: Key, text: str) -> bool:
    """A text that begins with what defines a session: "BGPPeer rr, seen from its peer", "BGPPeer rr: no password"."""
    return any(text.startswith(f"{kind} {key}{sign}") for sign in (",", ":")) or text == f"{kind} {key}"
