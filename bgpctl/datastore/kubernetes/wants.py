"""What else is read because of what was read: Secrets that sessions name, and Services where they are advertised.

Rule: while a resource is invalid, nothing is wanted less than before. Its last good version is in force somewhere, and
that may name what the invalid one does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.secrets import Wanted
from bgpctl.resources import Loaded
from bgpctl.resources.checks.secret_references import secret_references
from bgpctl.resources.values.names import GLOBAL_NAME


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """secret_namespace   where the Secrets of passwords are
    secret_values   whether they are read at all
    services        whether Services are read; None: where the BGPConfiguration advertises some
    watch_list      watches may begin with all objects where the API server supports that
    intervals       how often it is asked
    """

    secret_namespace: str = "kube-system"  # noqa: S105  a namespace, not a password
    secret_values: bool = True
    services: bool | None = None
    watch_list: bool = True
    intervals: Intervals = USUAL

    @classmethod
    def of(cls, options: CompileOptions) -> Self:
        """What plans with these options are made of."""
        return cls(options.secret_namespace, services=True if options.cluster_ip_range else None)

    @classmethod
    def for_agents_to_complete(cls) -> Self:
        """What plans are made of that agents complete with Secrets and Services."""
        return cls(secret_values=False, services=False)


@dataclass(frozen=True, slots=True)
class Wants:
    secrets: Wanted = field(default_factory=dict)
    services: bool = False


def wants(loaded: Loaded, options: ClusterOptions, before: Wants) -> Wants:
    secrets: dict[tuple[str, str], frozenset[str]] = {}
    references = secret_references(loaded.resources) if options.secret_values else ()
    for reference in (each.reference for each in references):
        if reference.name:
            found = (options.secret_namespace, reference.name)
            secrets[found] = secrets.get(found, frozenset()) | {reference.key}
    services = _advertises_services(loaded)
    if loaded.unusable:
        names = secrets.keys() | before.secrets.keys()
        empty = frozenset[str]()
        secrets = {name: secrets.get(name, empty) | before.secrets.get(name, empty) for name in names}
        services |= before.services
    return Wants(secrets, services if options.services is None else options.services)


def _advertises_services(loaded: Loaded) -> bool:
    configuration = loaded.resources.bgp_configurations.get(GLOBAL_NAME)
    if configuration is None:
        return False
    spec = configuration.spec
    return bool(spec.service_cluster_ips or spec.service_external_ips or spec.service_load_balancer_ips)
