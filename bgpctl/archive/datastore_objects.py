"""All objects of a datastore that routing reads, whole, and the sentences about what could not be read.

Of a cluster: its Nodes, Calico's kinds in the group that it uses, as far as they are installed; Services where they are
advertised; and by name the Secrets that sessions name, if they are wanted. Of files: everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgpctl.archive.snapshot import Named, named_secrets
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import FailedError
from bgpctl.kubernetes.kinds import ENDPOINT_SLICE, KUBERNETES_NODE, SERVICE, Group
from bgpctl.objects import KINDS, NODE_PLAN, Found, Object, ObjectKind, Query, kind_of, open_store
from bgpctl.objects.cluster.calico_group import CalicoGroup, find_group
from bgpctl.objects.directory.files import read_files
from bgpctl.objects.documents import read_objects
from bgpctl.objects.kinds import CALICO_NODE, SECRET_KIND
from bgpctl.resources.reading.kind_table import explain_unsupported
from bgpctl.yaml_source.problem import Severity

ALL_KINDS = tuple(kind for kind in KINDS if kind is not NODE_PLAN)
SERVICES = frozenset({SERVICE.kind, ENDPOINT_SLICE.kind})
ADVERTISED = ("serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs")
CONFIGURATION, GLOBAL = "BGPConfiguration", "default"


@dataclass(frozen=True, slots=True)
class Everything:
    """`group` is that of Calico's kinds; "" for files."""

    name: str
    objects: tuple[Object, ...]
    named: Named
    failures: tuple[str, ...] = ()
    group: str = ""


def read_everything(place: tuple[Path, ...] | Access, options: CompileOptions, *, with_secrets: bool) -> Everything:
    """Raises NotReadyError when it cannot be read at all."""
    if isinstance(place, Access):
        return asyncio.run(_of_cluster(place, options, with_secrets=with_secrets))
    return _of_files(place, options)


def _of_files(paths: Iterable[Path], options: CompileOptions) -> Everything:
    objects: list[Object] = []
    failures: list[str] = []
    for path in paths:
        read = read_files(path)
        failures += read.failures
        for name, text in read.texts.items():
            file = read_objects(name, text)
            failures += map(str, file.problems)
            failures += (
                f"{each.place.file}:{each.place.line}: {wrong}" for each in file.others if (wrong := _wrong(each.data))
            )
            objects += (each.object for each in file.objects if each.object.id.kind in ALL_KINDS)
    failures += _twice(objects)
    named = named_secrets(objects, options.secret_namespace)
    return Everything(" ".join(map(str, paths)), tuple(objects), named, tuple(failures))


def _wrong(data: Any) -> str:
    """Why it is no object, "" for one of a kind that routing does not look at."""
    version, kind = (data.get("apiVersion"), data.get("kind")) if isinstance(data, dict) else (None, None)
    if not (isinstance(version, str) and isinstance(kind, str)) or kind_of(version, kind) is not None:
        return "this is no object: it needs apiVersion, kind and metadata.name"
    severity, _, message = explain_unsupported(version, kind)
    return message if severity is Severity.ERROR else ""


def _twice(objects: Iterable[Object]) -> list[str]:
    places: dict[tuple[str, str], Object] = {}
    found: list[str] = []
    for each in objects:
        first = places.setdefault((str(each.id), each.id.kind.resource), each)
        if first is not each:
            found.append(f"{each.place.file}:{each.place.line}: {each.id} stands in {first.place.file} as well")
    return found


async def _of_cluster(access: Access, options: CompileOptions, *, with_secrets: bool) -> Everything:
    group = await group_of(access)
    async with open_store(access) as store:
        read = await store.read(Query(kinds_there(group.group, group.plurals)))
        if options.cluster_ip_range or _advertises_services(read.objects):
            services = tuple(kind for kind in ALL_KINDS if kind.kind in SERVICES)
            read = _both(read, await store.read(Query(services)))
        named = named_secrets(read.objects, options.secret_namespace)
        for namespace, name in named if with_secrets else ():
            read = _both(read, await store.read(Query((SECRET_KIND,), (name,), namespace)))
        return Everything(store.name, read.objects, named, read.failures, _written(group.group))


async def group_of(access: Access) -> CalicoGroup:
    """That the cluster uses. Raises NotReadyError."""
    server = ApiServer(access)
    try:
        return await find_group(server)
    except FailedError as error:
        raise NotReadyError(f"cannot read the cluster of {access}: {error}") from error
    finally:
        await server.close()


def kinds_there(group: Group | None, plurals: frozenset[str]) -> tuple[ObjectKind, ...]:
    """Nodes, and Calico's kinds as far as they are installed."""
    served = (kind for kind in ALL_KINDS if group in kind.groups and kind.plural in plurals)
    nodes = (kind for kind in ALL_KINDS if kind.kind == KUBERNETES_NODE.kind and kind is not CALICO_NODE)
    return (*nodes, *served)


def _advertises_services(objects: Iterable[Object]) -> bool:
    for each in objects:
        if (each.id.kind.kind, each.id.name) == (CONFIGURATION, GLOBAL):
            spec = each.data.get("spec")
            return isinstance(spec, dict) and any(spec.get(field) for field in ADVERTISED)
    return False


def _both(one: Found, other: Found) -> Found:
    return Found((*one.objects, *other.objects), (*one.failures, *other.failures))


def _written(group: Group | None) -> str:
    return "/".join(group) if group else ""
