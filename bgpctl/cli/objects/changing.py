"""Objects applied or deleted: prepared, judged, and written where the verdict lets it.

refused by the datastore, or invalid there     nothing is written (status 2)
nodes lose each other, an agent would hold     nothing is written (status 3), unless --yes, or --confirm names every
a part, or a guardrail finds an error          digest that would be held: then the confirmation is written as well
a dry run                                      nothing is written; the status is that of `bgpctl diff`
otherwise                                      written; what fails is named (status 1)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from bgpctl.cli.change_text import loss_lines
from bgpctl.cli.objects.forms import Form
from bgpctl.cli.objects.verdict import ERROR, LOSS, Verdict, judge, problem_lines, verdict_data, verdict_text
from bgpctl.cli.output import data_text
from bgpctl.cli.program import program_name
from bgpctl.compiler import CompileOptions
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.objects.kinds import KINDS, kinds_named
from bgpctl.objects.object import ObjectId, merged
from bgpctl.objects.opening import open_store
from bgpctl.objects.store import Change, Outcome, Prepared, PreparedChange, Query, Store, Written
from bgpctl.resources.annotations.table import PREFIX
from bgpctl.resources.values.names import GLOBAL_NAME

DONE, FAILED = 0, 1
CONFIRM = f"{PREFIX}confirm"


class DryRun(StrEnum):
    """CLIENT: the API server is not asked. SERVER: it is."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Manner:
    """yes        also what loses reachability
    confirmed     digests that the change may cost, and that are confirmed with it
    force         fields of other managers are taken over
    ignores_absent    what is to be deleted and is not there is no error
    """

    dry_run: DryRun = DryRun.NONE
    form: Form = Form.TABLE
    yes: bool = False
    confirmed: frozenset[str] = frozenset()
    force: bool = False
    ignores_absent: bool = False

    @property
    def is_dry(self) -> bool:
        return self.dry_run is not DryRun.NONE


def carry_out(place: Path | Access, changes: Sequence[Change], manner: Manner, options: CompileOptions) -> int:
    """The exit status. Raises NotReadyError when the datastore cannot be used."""
    if manner.dry_run is DryRun.SERVER and isinstance(place, Path):
        raise NotReadyError("--dry-run=server asks an API server; for a directory give --dry-run")
    return asyncio.run(_Changing(place, manner, options).run(in_order(changes)))


def in_order(changes: Sequence[Change]) -> list[Change]:
    """What others name comes before them, and goes after them."""
    wanted = sorted((each for each in changes if each.wanted is not None), key=lambda each: KINDS.index(each.id.kind))
    gone = sorted((each for each in changes if each.wanted is None), key=lambda each: -KINDS.index(each.id.kind))
    return [*wanted, *gone]


class _Changing:
    def __init__(self, place: Path | Access, manner: Manner, options: CompileOptions) -> None:
        self._place = place
        self._manner = manner
        self._options = options

    async def run(self, changes: Sequence[Change]) -> int:
        async with open_store(self._place) as store:
            prepared = await self._prepare(store, changes)
            if status := self._refusals(prepared):
                return status
            if self._is_nothing(prepared):
                written = await store.write(prepared)
                self._print([each.prepared for each in written if not each.failed], None)
                return self._failures(written)
            verdict = await self._judge(prepared)
            if digests := self._to_confirm(verdict):
                prepared = await self._prepare(store, in_order(await _with_confirmation(store, changes, digests)))
                if status := self._refusals(prepared):
                    return status
                verdict = await self._judge(prepared)
            if self._manner.is_dry:
                self._print(prepared.changes, verdict)
                return verdict.status
            if status := self._stop(verdict):
                return status
            written = await store.write(prepared)
        self._print([each.prepared for each in written if not each.failed], verdict)
        return self._failures(written)

    async def _prepare(self, store: Store, changes: Sequence[Change]) -> Prepared:
        rehearsed = self._manner.dry_run is not DryRun.CLIENT
        prepared = await store.prepare(changes, rehearsed=rehearsed, force=self._manner.force)
        return replace(prepared, changes=_without_alternatives(prepared.changes))

    def _refusals(self, prepared: Prepared) -> int:
        """The exit status where a part cannot be done: then nothing is."""
        for change in prepared.refused:
            self._report(change.refused)
        absent = [] if self._manner.ignores_absent else absent_of(prepared)
        for each in absent:
            self._report(f"{each} not found")
        if prepared.refused:
            return ERROR
        return FAILED if absent else DONE

    def _is_nothing(self, prepared: Prepared) -> bool:
        """There is nothing to judge, and a verdict is not asked for."""
        is_asked = self._manner.is_dry or self._manner.form.is_data
        return not is_asked and all(each.outcome is Outcome.UNCHANGED for each in prepared.changes)

    async def _judge(self, prepared: Prepared) -> Verdict:
        return await asyncio.to_thread(judge, self._place, prepared, self._options)

    def _to_confirm(self, verdict: Verdict) -> frozenset[str]:
        """What would be held, where exactly that is confirmed."""
        digests = digests_of(verdict)
        return digests if digests <= self._manner.confirmed else frozenset()

    def _stop(self, verdict: Verdict) -> int:
        """The exit status of a change that is not written; 0 of one that is."""
        for line in (*problem_lines(verdict), *loss_lines(verdict.change)):
            typer.echo(line, err=True)
        if verdict.errors and not self._manner.yes:
            self._report("nothing is written: the resources would be invalid; --yes writes it all the same")
            return ERROR
        if verdict.unread and not self._manner.yes:
            for each in verdict.unread:
                typer.echo(str(each), err=True)
            self._report("nothing is written: what it does is not known without these; --yes writes it all the same")
            return ERROR
        if verdict.is_loss and not self._manner.yes:
            self._report(f"nothing is written: {_why(verdict)}")
            return LOSS
        return DONE

    def _failures(self, written: Sequence[Written]) -> int:
        for each in written:
            if each.waits_for and not each.failed:
                finalizers = ", ".join(each.waits_for)
                self._report(f"{each.prepared.id} is there until its finalizers are done: {finalizers}")
        failed = [each.failed for each in written if each.failed]
        for sentence in dict.fromkeys(failed):
            self._report(sentence)
        return FAILED if failed else DONE

    def _print(self, changes: Iterable[PreparedChange], verdict: Verdict | None) -> None:
        """What becomes of each object; of a dry run the whole verdict, otherwise its summary. None: nothing changes."""
        manner = self._manner
        changes = [each for each in changes if each.outcome is not Outcome.ABSENT]
        if manner.form is Form.NAME:
            typer.echo("".join(f"{each.id.resource}\n" for each in changes), nl=False)
        elif manner.form.is_data:
            data = {"objects": [_data(each) for each in changes], **(verdict_data(verdict) if verdict else {})}
            typer.echo(data_text(data, manner.form), nl=False)
        else:
            suffix = {DryRun.CLIENT: " (dry run)", DryRun.SERVER: " (server dry run)"}.get(manner.dry_run, "")
            for each in changes:
                typer.echo(f"{each.id.resource} {each.outcome}{suffix}")
            if verdict is not None and manner.is_dry:
                typer.echo(f"\n{verdict_text(verdict)}", nl=False)
            elif verdict is not None and changes:
                typer.echo(verdict.change.difference.summary, err=True)

    def _report(self, sentence: str) -> None:
        typer.echo(f"{program_name()}: {sentence}", err=True)


def digests_of(verdict: Verdict) -> frozenset[str]:
    return frozenset(each.digest for held in verdict.held for each in held.digests)


async def _with_confirmation(store: Store, changes: Sequence[Change], digests: frozenset[str]) -> list[Change]:
    """With the annotation on the BGPConfiguration `default`, besides those that it has, and nothing else of it."""
    (kind,) = kinds_named("bgpconfigurations")
    about = ObjectId(kind, GLOBAL_NAME)
    found = await store.read(Query((kind,), (GLOBAL_NAME,)))
    before = {each.strip() for now in found.objects for each in now.annotations.get(CONFIRM, "").split(",")}
    metadata = {"name": GLOBAL_NAME, "annotations": {CONFIRM: ",".join(sorted((before | digests) - {""}))}}
    added = {"apiVersion": kind.api_versions[0], "kind": kind.kind, "metadata": metadata}
    others = [each for each in changes if each.id != about]
    own = next((each for each in changes if each.id == about), None)
    if own is None:
        return [*others, Change(about, added, adds=True)]
    if own.wanted is None:
        raise NotReadyError(f"the confirmation is an annotation on {about}, which is to be deleted; keep it for now")
    return [*others, replace(own, wanted=merged(own.wanted, added), text="")]


def absent_of(prepared: Prepared) -> list[ObjectId]:
    return [each.id for each in prepared.changes if each.outcome is Outcome.ABSENT]


def _without_alternatives(changes: Iterable[PreparedChange]) -> tuple[PreparedChange, ...]:
    """A name that may be a Kubernetes Node's or a Calico Node's is whichever there is."""
    found: dict[tuple[str, str, str], list[PreparedChange]] = {}
    for each in changes:
        found.setdefault((each.id.kind.kind, each.id.namespace, each.id.name), []).append(each)
    return tuple(each for group in found.values() for each in _those_that_are(group))


def _those_that_are(group: Sequence[PreparedChange]) -> Sequence[PreparedChange]:
    present = [each for each in group if not each.refused and each.outcome is not Outcome.ABSENT]
    return present or [each for each in group if each.refused][:1] or group[:1]


def _why(verdict: Verdict) -> str:
    if digests := digests_of(verdict):
        options = " ".join(f"--confirm {digest}" for digest in sorted(digests))
        return (
            "agents would hold a part of it. --yes writes it, and agents hold that part until it is confirmed; "
            f"{options} writes it with the confirmation, and agents follow"
        )
    if verdict.change.is_loss:
        return "nodes would lose each other; --yes writes it all the same"
    return "traffic breaks with what the guardrails have found; --yes writes it all the same"


def _data(change: PreparedChange) -> dict[str, Any]:
    return {
        "kind": change.id.kind.kind,
        **({"namespace": change.id.namespace} if change.id.namespace else {}),
        "name": change.id.name,
        "outcome": change.outcome,
    }
