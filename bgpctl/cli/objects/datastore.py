"""Which datastore a command about objects means: a directory, or the API server of a cluster.

--resources PATH                                  a directory, or a file
--kubeconfig FILE, --context NAME, --in-cluster   a cluster
neither, as plugin of kubectl                     the cluster of the current context
neither, otherwise                                BGPCTL_RESOURCES, or `resources` in the file of BGPCTL_CONFIG
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from bgpctl.cli.declare import option
from bgpctl.cli.program import is_plugin
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access

RESOURCES_VARIABLE, CONFIG_VARIABLE = "BGPCTL_RESOURCES", "BGPCTL_CONFIG"
GIVE_ONE = (
    f"give the datastore: --resources PATH (or {RESOURCES_VARIABLE}) for files, or --kubeconfig FILE, --context NAME "
    "or --in-cluster for a cluster"
)

ResourcesOption = Annotated[
    Path | None, option("--resources", metavar="PATH", help="The datastore is this directory, or this file.")
]
KubeconfigOption = Annotated[
    Path | None, option("--kubeconfig", metavar="FILE", help="It is the cluster of this file.")
]
ContextOption = Annotated[
    str, option("--context", metavar="NAME", help="Another context of the kubeconfig.", show_default="the current one")
]
InClusterOption = Annotated[bool, option("--in-cluster", help="It is the cluster of this pod, by its service account.")]
NamespaceOption = Annotated[
    str,
    option(
        "--namespace", "-n", metavar="NAME", help="Of Secrets, Services and EndpointSlices.", show_default="as kubectl"
    ),
]
AllNamespacesOption = Annotated[bool, option("--all-namespaces", "-A", help="Those of every namespace.")]


def place_of(resources: Path | None, kubeconfig: Path | None, context: str, *, in_cluster: bool) -> Path | Access:
    """Raises NotReadyError where it is not clear."""
    if kubeconfig is not None and in_cluster:
        raise NotReadyError("give --kubeconfig or --in-cluster, not both")
    if in_cluster and context:
        raise NotReadyError("give --context or --in-cluster, not both")
    is_cluster = kubeconfig is not None or in_cluster or bool(context)
    if resources is not None and is_cluster:
        raise NotReadyError("give a directory (--resources) or a cluster, not both")
    if resources is not None:
        return resources
    if is_cluster or is_plugin():
        return Access(in_cluster, kubeconfig, context)
    found = os.environ.get(RESOURCES_VARIABLE) or _configured()
    if not found:
        raise NotReadyError(GIVE_ONE)
    return Path(found)


def namespace_of(place: Path | Access, namespace: str, *, all_namespaces: bool) -> str:
    """ "" for all of them, as in a directory where none is named. Raises NotReadyError."""
    if namespace and all_namespaces:
        raise NotReadyError("give --namespace or --all-namespaces, not both")
    if namespace or all_namespaces or isinstance(place, Path):
        return namespace
    from bgpctl.kubernetes.access import namespace_of as namespace_of_context

    return namespace_of_context(place)


def _configured() -> str:
    """The directory of the agent of this machine, where its file of options is in the environment."""
    file = os.environ.get(CONFIG_VARIABLE)
    if not file:
        return ""
    from bgpctl.yaml_source.document import read_document
    from bgpctl.yaml_source.nodes import NotYamlError
    from bgpctl.yaml_source.scalars import AS_WRITTEN

    try:
        data = read_document(Path(file).read_text(), AS_WRITTEN).data
    except (OSError, UnicodeDecodeError, NotYamlError) as error:
        raise NotReadyError(f"the options file {file} cannot be read: {error}") from error
    return str(data.get("resources") or "") if isinstance(data, dict) else ""
