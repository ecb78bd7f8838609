"""What a shell may offer for KIND and NAME: the kinds, and the names that the datastore of the command line has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bgpctl.errors import NotReadyError

# Seconds that somebody who has pressed Tab waits.
PATIENCE = 3.0


def complete_what(ctx: Any, incomplete: str) -> list[str]:
    """`ctx` is typer's context of the command line so far."""
    from bgpctl.objects.kinds import KINDS

    words: Sequence[str] = ctx.params.get("what") or ()
    if "/" in incomplete:
        kind, _, name = incomplete.partition("/")
        return [f"{kind}/{each}" for each in _names(ctx.params, kind) if each.startswith(name)]
    if words:
        return [each for each in _names(ctx.params, words[0]) if each.startswith(incomplete) and each not in words[1:]]
    before, comma, last = incomplete.rpartition(",")
    kinds = [*dict.fromkeys(each.plural for each in KINDS), *([] if comma else ["all"])]
    return [f"{before}{comma}{kind}" for kind in kinds if kind.startswith(last.lower())]


def _names(parameters: dict[str, Any], kind: str) -> list[str]:
    """Nothing where the datastore cannot be asked: a shell has no place for a sentence."""
    from bgpctl.cli.objects.datastore import namespace_of, place_of
    from bgpctl.objects.kinds import kinds_named
    from bgpctl.objects.opening import open_store
    from bgpctl.objects.store import Query

    async def names() -> list[str]:
        async with open_store(place) as store:
            answer = await asyncio.wait_for(store.read(query), PATIENCE)
        return sorted({each.id.name for each in answer.objects})

    try:
        place = place_of(
            parameters.get("resources"), parameters.get("kubeconfig"), parameters.get("context") or "",
            in_cluster=bool(parameters.get("in_cluster")),
        )  # fmt: skip
        kinds = kinds_named(kind)
        namespace = ""
        if any(each.namespaced for each in kinds):
            is_all = bool(parameters.get("all_namespaces"))
            namespace = namespace_of(place, parameters.get("namespace") or "", all_namespaces=is_all)
        query = Query(kinds, namespace=namespace, metadata_only=frozenset(kinds))
        return asyncio.run(names())
    except (NotReadyError, TimeoutError):
        return []
