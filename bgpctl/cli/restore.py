"""`bgpctl restore`: what an archive has, back into a directory or a cluster; first as a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.cli.cluster import ClusterAccess, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.archive.cluster_target import ClusterTarget
    from bgpctl.archive.directory_target import DirectoryTarget
    from bgpctl.archive.opened import Opened
    from bgpctl.archive.step import Rehearsal, Result, Step
    from bgpctl.cli.objects.verdict import Verdict

DONE, FAILED, ERROR, LOSS = 0, 1, 2, 3
FEW = 5
GIVE_ONE = "give -o DIR, or a cluster (--kubeconfig FILE, --in-cluster)"
REPEAT = "mend that, and repeat the command: what is as in the archive by then is not written another time"


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Examples: bgpctl restore s.tar.gz -o resources; bgpctl restore s.tar.gz --kubeconfig FILE --apply"
    )(of_typer(restore))


@with_options
@with_cluster
def restore(
    options: CompileOptions,
    cluster: ClusterAccess,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="That bgpctl snapshot has made.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="A directory of resources, or a new one, in place of a cluster."
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it; without it, only show what it would do.")] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Delete BGPPeers, BGPFilters, BGP and Felix configurations that the archive has not."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Also what parts nodes, or what agents would hold.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Name every object.")] = False,
) -> None:
    """Bring back what a snapshot has: check its digests, show what would change as bgpctl diff does, then write it.

    Before anything is written, the API server tries every object (server-side dry run): with one refusal nothing is
    written. What the cluster makes itself is left: Services, Nodes that are not there, blocks of its IPAM.

    Exit status: 0 nothing differs, or it is written; 1 a dry run: something differs, or with --apply: a part was not
    written, which is named; 2 nothing is written: the archive is damaged, the target not ready, or an object refused;
    3 nothing is written: nodes would lose each other, or an agent would hold a part of it (--yes).
    """
    from bgpctl.archive.opened import open_archive
    from bgpctl.cli.objects.verdict import verdict_text
    from bgpctl.cli.snapshot import manifest_lines

    if (output is None) == (not cluster.is_given):
        raise typer.BadParameter(GIVE_ONE)
    opened = open_archive(archive)
    target = _target(output, cluster)
    rehearsal = target.rehearse(opened.objects, prune=prune)
    verdict = _judge(target, output, cluster, rehearsal, options)
    for line in (*manifest_lines(opened.manifest), *_step_lines(rehearsal.steps, full=full), *_missing(opened)):
        typer.echo(line)
    if verdict is not None:
        typer.echo(f"\n{verdict_text(verdict)}", nl=False)
    status = _stops(rehearsal, verdict, yes=yes)
    if status or not rehearsal.written:
        raise typer.Exit(status)
    if not apply:
        typer.echo("dry run, nothing is written: --apply writes it", err=True)
        raise typer.Exit(FAILED)
    raise typer.Exit(_report(target.write(rehearsal), target.name))


def _target(output: Path | None, cluster: ClusterAccess) -> ClusterTarget | DirectoryTarget:
    if output is not None:
        from bgpctl.archive.directory_target import DirectoryTarget

        return DirectoryTarget(output)
    from bgpctl.archive.cluster_target import ClusterTarget

    return ClusterTarget(cluster.access)


def _judge(
    target: ClusterTarget | DirectoryTarget,
    output: Path | None,
    cluster: ClusterAccess,
    rehearsal: Rehearsal,
    options: CompileOptions,
) -> Verdict | None:
    """None where there is nothing yet that could lose anything."""
    from bgpctl.archive.directory_target import DirectoryTarget
    from bgpctl.cli.objects.verdict import judge
    from bgpctl.objects import Prepared

    if isinstance(target, DirectoryTarget) and target.is_new:
        return None
    return judge(output if output is not None else cluster.access, Prepared((), rehearsal.texts), options)


def _step_lines(steps: Iterable[Step], *, full: bool) -> Iterator[str]:
    """By what is done and kind; what is left, with the reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for step in steps:
        if step.refused:
            continue
        groups.setdefault((step.action, step.id.kind.kind, step.reason), []).append(step.id.name)
    for (action, kind, reason), names in groups.items():
        shown = names if full else names[:FEW]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        yield f"{action:>10}  {len(names)} {kind}: {', '.join(shown)}{more}{f' ({reason})' if reason else ''}"


def _missing(opened: Opened) -> Iterator[str]:
    for secret in opened.manifest.secrets:
        if not secret.included:
            keys = ", ".join(secret.keys)
            yield f"not in the archive: Secret {secret.namespace}/{secret.name} ({keys}), which sessions name"


def _stops(rehearsal: Rehearsal, verdict: Verdict | None, *, yes: bool) -> int:
    """The exit status of what is not written, 0 of what may be."""
    if rehearsal.refused:
        for step in rehearsal.refused:
            typer.echo(step.refused, err=True)
        typer.echo("nothing is written: with one refusal none of it is", err=True)
        return ERROR
    if verdict is None or yes:
        return DONE
    if verdict.errors or verdict.unread:
        for each in verdict.unread:
            typer.echo(str(each), err=True)
        typer.echo(
            "nothing is written: resources would be invalid or are not known; --yes writes it all the same", err=True
        )
        return ERROR
    if verdict.is_loss:
        typer.echo("nothing is written: it parts nodes, or agents would hold a part of it; --yes writes it", err=True)
        return LOSS
    return DONE


def _report(results: tuple[Result, ...], name: str) -> int:
    failed = [result for result in results if result.failed and result.is_begun]
    not_begun = [result for result in results if not result.is_begun]
    written = len(results) - len(failed) - len(not_begun)
    typer.echo(f"wrote {written} of {len(results)} objects into {name}", err=True)
    for result in failed:
        typer.echo(f"not written: {result.step.id}: {result.failed}", err=True)
    if not_begun:
        names = ", ".join(str(result.step.id) for result in not_begun[:FEW])
        more = f" and {len(not_begun) - FEW} more" if len(not_begun) > FEW else ""
        typer.echo(f"not begun: {names}{more}", err=True)
    if failed:
        typer.echo(REPEAT, err=True)
    return FAILED if failed else DONE
