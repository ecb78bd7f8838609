"""`bgpctl snapshot`: everything that routing reads, in one archive with a digest of each file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.cli.cluster import GIVE_NOT_BOTH, GIVE_ONE, ClusterAccess, with_cluster
from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.archive.manifest import Manifest, SecretEntry

NAME_FORM = "bgpctl-snapshot-%Y%m%dT%H%M%SZ.tar.gz"


def register(app: typer.Typer) -> None:
    app.command(epilog="Examples: bgpctl snapshot resources; bgpctl snapshot --kubeconfig FILE -o before.tar.gz")(
        snapshot
    )


@with_options
@with_cluster
def snapshot(
    options: CompileOptions,
    cluster: ClusterAccess,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="RESOURCES...", help="Files or directories.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A new file.", show_default="bgpctl-snapshot-TIME.tar.gz, here"
        ),
    ] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="With the Secrets that sessions name, their passwords in plain text.")
    ] = False,
) -> None:
    """Put all resources that routing reads into one dated archive, each file with its SHA-256.

    Only what can be read as a whole is archived. Without --with-secrets no password is in it, and the Secrets that
    sessions name are listed.

    Exit status: 0 done, 1 something could not be read, so there is no archive; 2 a path or the cluster is not there.
    """
    from datetime import UTC, datetime
    from importlib.metadata import version

    from bgpctl.archive.datastore_objects import read_everything
    from bgpctl.archive.manifest import digest
    from bgpctl.archive.packing import pack
    from bgpctl.archive.snapshot import Taking
    from bgpctl.archive.snapshot import snapshot as taken

    if bool(paths) == cluster.is_given:
        raise typer.BadParameter(GIVE_NOT_BOTH if paths else GIVE_ONE)
    now = datetime.now(UTC)
    file = output or Path(now.strftime(NAME_FORM))
    if file.exists():
        raise NotReadyError(f"{file} is there already; name a new file")
    everything = read_everything(tuple(paths or ()) or cluster.access, options, with_secrets=with_secrets)
    if everything.failures:
        for failure in everything.failures:
            typer.echo(failure, err=True)
        typer.echo("nothing is written: an archive has everything, or there is none", err=True)
        raise typer.Exit(1)
    taking = Taking(
        now, version("bgpctl"), everything.name, everything.group, options.secret_namespace, with_secrets=with_secrets
    )
    found = taken(everything.objects, everything.named, taking)
    octets = pack(found.manifest, found.files)
    _write(file, octets)
    for line in manifest_lines(found.manifest):
        typer.echo(line)
    typer.echo(f"{file}: {len(octets)} octets, SHA-256 {digest(octets)}")


def manifest_lines(manifest: Manifest) -> Iterator[str]:
    """What an archive has, for people."""
    group = f", {manifest.source.calico_group}" if manifest.source.calico_group else ""
    version = f", Calico {manifest.source.calico_version}" if manifest.source.calico_version else ""
    yield f"{manifest.source.name}{group}{version}, at {manifest.taken}, by bgpctl {manifest.bgpctl}"
    yield from (f"  {count:>6} {kind}" for kind, count in manifest.counts.items())
    for secret in manifest.secrets:
        yield f"  Secret {secret.namespace}/{secret.name} ({', '.join(secret.keys)}): {_state(secret)}"


def _state(secret: SecretEntry) -> str:
    return "with its values" if secret.included else "named, and not in the archive"


def _write(file: Path, octets: bytes) -> None:
    from bgpctl.archive.directory import write_new_file

    write_new_file(file, octets)
