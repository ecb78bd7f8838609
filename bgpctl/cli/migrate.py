"""`bgpctl migrate`: Calico's older data to v3 resources, first as a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.cli.output import DATA, data_text
from bgpctl.configuration.compile_options import CompileOptions

Report = Literal["text", "json", "yaml"]


def register(app: typer.Typer) -> None:
    app.command(epilog="Examples: bgpctl migrate dump.json; bgpctl migrate dump.json -o resources --apply")(
        of_typer(migrate)
    )


@with_options
def migrate(
    options: CompileOptions,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE...", help="Dumps of etcd in JSON, YAML of calicoctl, or directories of them."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="A new directory for the resources.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the directory; without it, only report.")] = False,
    for_kubernetes: Annotated[
        bool,
        typer.Option(
            "--for-kubernetes",
            help="For a cluster whose datastore is the Kubernetes API: nodes as Kubernetes names them (orchRefs), with "
            "Calico's fields as annotations.",
        ),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Each object that is left, too.")] = False,
    report: Annotated[Report, typer.Option("--report", help="For people or for programs.")] = "text",
) -> None:
    """Convert the data of Calico 2 (etcd, calicoctl v1) and the etcd of Calico 3 into v3 resources.

    Reports what becomes of every object, and writes nothing without --apply. What is written is valid: it is what
    bgpctl validate accepts. With one error nothing is written.

    Exit status: 0 without errors, 1 with errors, 2 when a source is not there or the directory cannot be written.
    """
    from bgpctl.archive.directory import check_new, write_directory
    from bgpctl.datastore.directory import read_texts
    from bgpctl.migration.migrate import migrate as converted
    from bgpctl.migration.report import report_data, report_lines

    if apply and output is None:
        raise typer.BadParameter("give -o DIR, a new directory for the resources", param_hint="--apply")
    if output is not None:
        check_new(output)
    texts, unread = read_texts(sources)
    found = converted(texts, options, to_kubernetes=for_kubernetes, unread=unread)
    if report in DATA:
        typer.echo(data_text(report_data(found), report), nl=False)
    else:
        for line in report_lines(found, full=full):
            typer.echo(line)
    if not found.ok:
        typer.echo("nothing is written: with an error in it, none of it is", err=True)
        raise typer.Exit(1)
    if apply and output is not None:
        write_directory(output, found.files)
        typer.echo(f"wrote {len(found.files)} files to {output}; next: bgpctl validate {output}", err=True)
    else:
        typer.echo("dry run, nothing is written: -o DIR --apply writes it", err=True)
