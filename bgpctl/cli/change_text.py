"""What a change takes, in a few lines however large the cluster is, and the whole change as JSON types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bgpctl.brake.forecast import HeldForecast, Outcome
from bgpctl.cli.change import Change
from bgpctl.guardrails.proof.lost_pairs import LostPairs
from bgpctl.plan_diff.summary import counted

MOST_NAMES = 8
WORDS = {
    Outcome.HELD: "would be held",
    Outcome.REPLACED: "would be held until the sessions that replace it are Established, with nothing to do,",
    Outcome.CONFIRMED: "is confirmed by these resources",
}


def loss_lines(change: Change) -> Iterator[str]:
    """Nothing where nothing is lost."""
    yield from _lost(change.lost)
    for each in change.forecasts:
        yield from _held(each)


def _lost(lost: LostPairs) -> Iterator[str]:
    if lost.count:
        yield f"{_pairs(lost.count)} no longer reached:"
        yield from (f"  {pair}" for pair in lost.first)
        if lost.count > len(lost.first):
            yield f"  and {lost.count - len(lost.first)} more; bgpctl proof has them all"
    if lost.unknown:
        yield f"{_pairs(lost.unknown)} reached, from then on, only through routers that are no nodes: not known here"


def _pairs(count: int) -> str:
    return f"{counted(count, 'pair')} of nodes {'is' if count == 1 else 'are'}"


def _held(forecast: HeldForecast) -> Iterator[str]:
    nodes = forecast.nodes
    yield f"{WORDS[forecast.outcome]} on {counted(len(nodes), 'node')}, {_names(nodes)}:"
    yield from (f"  {loss.node}: {loss.sentence}" for loss in forecast.losses)
    yield from (f"    by {cause}" for cause in forecast.causes)
    if len(forecast.digests) == 1:
        yield f"  digest {forecast.digests[0].digest}"
    else:
        digests = tuple(f"{each.digest} ({_names(each.nodes)})" for each in forecast.digests)
        yield f"  digests {_names(digests)}"
    if forecast.outcome is Outcome.HELD:
        yield f"  to confirm: {_how(forecast)}"


def _how(forecast: HeldForecast) -> str:
    """By command or by annotation; of several digests the first is the example."""
    first = forecast.digests[0]
    node, scope = (first.nodes[0], f"node.{first.nodes[0]}") if len(first.nodes) == 1 else ("NODE", "default")
    where = "" if len(first.nodes) == 1 else "on each of these nodes "
    others = "" if len(forecast.digests) == 1 else "; the others likewise"
    return (
        f"{where}bgpctl confirm {node} --digest {first.digest}, "
        f"or bgpctl.io/confirm: {first.digest} on BGPConfiguration {scope}{others}"
    )


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def loss_data(change: Change) -> dict[str, Any]:
    """What the change takes, as JSON types."""
    lost = change.lost
    return {
        "lost_pairs": {"count": lost.count, "first": lost.first, "unknown": lost.unknown},
        **{outcome.value: [each for each in change.forecasts if each.outcome is outcome] for outcome in Outcome},
    }


def change_data(change: Change, *, full: bool) -> dict[str, Any]:
    """The whole change; in `full` with each node."""
    difference = change.difference
    return {
        "summary": difference.summary,
        **loss_data(change),
        "nodes_in_all": difference.nodes_in_all,
        "fates": difference.fates,
        "prefixes": difference.prefixes,
        "changes": [group for paragraph in difference.paragraphs for group in paragraph],
        **({"nodes": difference.nodes} if full else {}),
    }
