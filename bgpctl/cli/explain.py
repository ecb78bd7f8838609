"""`bgpctl explain`: why a route is or is not there, on one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, argument, echo, with_groups
from bgpctl.cli.output import Output, data_text
from bgpctl.cli.show import OutputOption, canonical_prefix
from bgpctl.cli.which_nodes import OneNode
from bgpctl.errors import NotReadyError
from reflector.verdict import RouteVerdict, text_of

if TYPE_CHECKING:
    import typer

    from reflector.messages import CandidateStatus, Explanation, ExportStatus, KernelAnswer, RelatedRoute


def register(app: typer.Typer) -> None:
    examples = "bgpctl explain 10.244.21.2; bgpctl explain 10.244.21.0/26 --node a1 --kubeconfig FILE"
    add_command(app, explain, epilog=f"Examples: {examples}")


@with_groups
def explain(
    prefix: Annotated[str, argument(help="A prefix, or an address: then the route that covers it.")],
    node: OneNode,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show why a route is or is not there: all routes received, why each won or lost, and what each peer is advertised;
    the routes around it and inside it, refused ones too; and what the kernel itself does.

    Exit status 1 when this node has no route to it.
    """
    speaker = node.find()
    asked = canonical_prefix(prefix)
    answer, why_not = None, ""
    try:
        answer = speaker.kernel(asked)
    except NotReadyError as error:
        why_not = f"the kernel was not asked: {error}"
    show_explanation(speaker.explain, prefix, speaker.name, output, (answer, why_not))


def show_explanation(
    ask: Callable[[str], Explanation],
    prefix: str,
    node: str,
    output: Output,
    kernel: tuple[KernelAnswer | None, str] = (None, ""),
) -> None:
    """Of an address the route that covers it. `kernel` is its answer, or why there is none. Exit status 1 when there is
    no route."""
    explanation = ask(canonical_prefix(prefix))
    if explanation.covered_by and "/" not in prefix:
        explanation = _with_related_of(explanation, ask(explanation.covered_by))
    if output.is_data:
        echo(_as_data(explanation, kernel[0], output).rstrip())
    else:
        echo("\n".join((*explain_lines(explanation, node), *kernel_lines(*kernel))))
    if not any(candidate.verdict == RouteVerdict.BEST for candidate in explanation.candidates):
        raise Exit(1)


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
    for title, routes in (("around it", explanation.covering), ("inside it", explanation.inside)):
        if routes:
            yield f"routes {title}"
            yield from map(_related, routes)
    if explanation.more:
        yield f"  and {explanation.more} more"


def kernel_lines(answer: KernelAnswer | None, why_not: str) -> Iterator[str]:
    """What the kernel does, or why that is not known."""
    if answer is None:
        if why_not:
            yield why_not
        return
    yield f"the kernel, for {answer.address}"
    yield f"  {answer.answer}"
    if answer.routes:
        yield "its routes around it and inside it"
        for route in answer.routes:
            yield f"  {route.text}{' (foreign)' if route.foreign else ''}"
    if answer.more:
        yield f"  and {answer.more} more"


def _with_related_of(address: Explanation, route: Explanation) -> Explanation:
    """The explanation of the route that covers an address, with what else is around that address."""
    import msgspec

    others = tuple(each for each in address.covering if each.prefix != route.prefix)
    return msgspec.structs.replace(route, covering=others, inside=(), more=address.more)


def _related(route: RelatedRoute) -> str:
    origin = f"from {route.peer}{f' ({route.peer_node})' if route.peer_node else ''}" if route.peer else "of this node"
    is_used = route.verdict in (RouteVerdict.BEST, RouteVerdict.ACCEPTED)
    verdict = text_of(route.verdict) if is_used else f"not used: {text_of(route.verdict)}"
    rule = f" ({route.rule})" if route.rule else ""
    next_hop = f", next hop {route.next_hop}" if route.next_hop else ""
    return f"  {route.prefix} {origin}: {verdict}{rule}{next_hop}{', stale' if route.stale else ''}"


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


def _as_data(explanation: Explanation, kernel: KernelAnswer | None, output: Output) -> str:
    from msgspec.structs import asdict

    return data_text(asdict(explanation) | {"kernel": kernel}, output)
