"""Whether a kind and an apiVersion that are not understood were meant to be ones that are, and which.

A kind counts as meant when it has the right name, whatever the case of its letters, or nearly so, and its group is one
A kind counts as meant when it has the right name, whatever the case of its letters, or nearly so, and its group is one
of ours, nearly so, or none. Kinds of Calico in a group of Kubernetes' own were meant as well. Other projects have
kinds of"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from bgpctl.yaml_source.spelling import nearest

# Calico's and Kubernetes' own kinds whose names are like ours.
OTHERS = frozenset(
    {"BGPNodeStatus", "Endpoints", "IPAMBlock", "IPAMConfig", "IPAMConfiguration", "IPAMHandle", "IPReservation",
     "KubeControllersConfiguration", "Profile", "ServiceAccount"}
)  # fmt: skip
# The groups of Kubernetes itself; they have no kinds of Calico.
KUBERNETES_GROUPS = frozenset(
    {"", "apps", "autoscaling", "batch", "core", "discovery.k8s.io", "extensions", "networking.k8s.io", "policy",
     "rbac.authorization.k8s.io", "storage.k8s.io"}
)  # fmt: skip
LIST = "List"


def meant(api_version: str, kind: str, known: Set[tuple[str, str]], calico: Iterable[str]) -> tuple[str, str] | None:
    """The pair of `known` that (apiVersion, kind) was meant to be; None where it is something else. `calico` has the
    kinds that only Calico has, in the apiVersion that is usual for them first."""
    if kind in OTHERS:
        return None
    group = api_version.rpartition("/")[0].lower()
    names = {name for _, name in known}
    name = _name(kind, names)
    if not name:
        return None
    of_calico = name.removesuffix(LIST) in set(calico)
    groups = {version.rpartition("/")[0]: None for version, _ in known}
    is_ours = group in groups or bool(nearest(group, [each for each in groups if each])) or "calico" in group
    if not is_ours and not (of_calico and group in KUBERNETES_GROUPS):
        return None
    versions = [version for version, each in known if each == name]
    return _version(api_version, versions), name


def sentence(api_version: str, kind: str, right: tuple[str, str]) -> tuple[str, str]:
    """The field to point at, and what to write."""
    version, name = right
    if name == kind:
        return "apiVersion", f"{kind} has no apiVersion {api_version!r}; write {version!r}"
    if version == api_version:
        return "kind", f"there is no kind {kind!r}; did you mean {name!r}?"
    return "kind", f"there is no kind {kind!r} in {api_version!r}; did you mean {name!r} in {version!r}?"


def _name(kind: str, names: Iterable[str]) -> str:
    """Of kinds and their lists."""
    by_lower_case: Mapping[str, str] = {each.lower(): each for each in names}
    if kind.lower() in by_lower_case:
        return by_lower_case[kind.lower()]
    return nearest(kind, by_lower_case.values())


def _version(api_version: str, versions: list[str]) -> str:
    """The nearest of those that the kind has; the usual one where none is near."""
    return next((each for each in versions if each.lower() == api_version.lower()), "") or (
        nearest(api_version, versions) or max(versions)
    )
