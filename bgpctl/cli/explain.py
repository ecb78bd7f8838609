"""`bgpctl explain`: why a route is or is not there, on one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.cli.show import NodeOption, Output, OutputOption, RunDirOption, canonical_prefix
from reflector.verdict import RouteVerdict, text_of

if TYPE_CHECKING:
    from reflector.messages import CandidateStatus, Explanation, ExportStatus


def register(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    prefix: Annotated[str, typer.Argument(help="A prefix, or an address: then the route that covers it.")],
    node: NodeOption = "",
    run_dir: RunDirOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show why a route is or is not there: all routes received, why each won or lost, and what each peer is advertised.

    Exit status 1 when this node has no route to it.
    """
    from bgpctl.cli.running import find_one_node

    speaker = find_one_node(node, run_dir)
    show_explanation(speaker.explain, prefix, speaker.name, output)


def show_explanation(ask: Callable[[str], Explanation], prefix: str, node: str, output: Output) -> None:
    """Of an address the route that covers it. Exit status 1 when there is no route."""
    explanation = ask(canonical_prefix(prefix))
    if explanation.covered_by and "/" not in prefix:
        explanation = ask(explanation.covered_by)
    typer.echo(_as_json(explanation) if output is Output.JSON else "\n".join(explain_lines(explanation, node)))
    if not any(candidate.verdict == RouteVerdict.BEST for candidate in explanation.candidates):
        raise typer.Exit(1)


def explain_lines(explanation: Explanation, node: str) -> Iterator[str]:
    """The answer for a person, line by line."""
    yield f"{explanation.prefix} on {node}"
    if not explanation.candidates:
        around = f"; {explanation.covered_by} covers it" if explanation.covered_by else ""
        yield f"  no peer has sent it and this node does not originate it{around}"
    for candidate in sorted(explanation.candidates, key=lambda each: each.verdict != RouteVerdict.BEST):
        yield from _candidate(candidate)
    if explanation.exports:
        yield "advertised to"
        for export in explanation.exports:
            yield from _export(export)


def _candidate(candidate: CandidateStatus) -> Iterator[str]:
    origin = f"from {_peer(candidate)}" if candidate.peer else f"of this node ({candidate.source.value})"
    is_used = candidate.verdict in (RouteVerdict.BEST, RouteVerdict.ACCEPTED)
    verdict = text_of(candidate.verdict) if is_used else f"not used: {text_of(candidate.verdict)}"
    yield f"  {origin}: {verdict}{', stale' if candidate.stale else ''}"
    if candidate.rule:
        yield f"      {candidate.rule}"
    facts = {
        "next hop": candidate.next_hop,
        "metric to it": candidate.cost or None,
        "LOCAL_PREF": candidate.local_pref,
        "AS_PATH": candidate.as_path,
        "ORIGIN": candidate.origin if candidate.origin != "IGP" else "",
        "MED": candidate.med,
        "path": candidate.path_id or None,
        "originator": candidate.originator_id,
        "cluster list": " ".join(candidate.cluster_list),
        "communities": " ".join(candidate.communities),
    }
    yield "      " + _facts(facts)


def _export(export: ExportStatus) -> Iterator[str]:
    rule = f" ({export.rule})" if export.rule else ""
    # An add-path peer is advertised each path; for other peers it is always the best one.
    path = f", path {export.path_id} {_source(export)}" if export.path_id else ""
    yield f"  {_peer(export)}{path}: {text_of(export.verdict)}{rule}"
    if export.next_hop:
        facts = {
            "next hop": export.next_hop,
            "LOCAL_PREF": export.local_pref,
            "AS_PATH": export.as_path,
            "MED": export.med,
            "communities": " ".join(export.communities),
        }
        yield "      " + _facts(facts)


def _source(export: ExportStatus) -> str:
    return f"from {export.source}" if export.source else "of this node"


def _peer(status: CandidateStatus | ExportStatus) -> str:
    return f"{status.peer} ({status.peer_node})" if status.peer_node else status.peer


def _facts(facts: dict[str, str | int | None]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in ("", None)) or "no attributes"


def _as_json(explanation: Explanation) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(explanation), indent=2).decode()
