"""Which Secrets sessions refer to: those of BGPPeers, and the one of the mesh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bgpctl.resources.kinds.bgp_peer import BGPPassword, SecretKeyRef
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.names import GLOBAL_NAME
from bgpctl.yaml_source.path import Path


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`path` is the field of the resource that has it."""

    resource: Resource
    path: Path
    reference: SecretKeyRef


def secret_references(resources: ResourceSet) -> Iterator[SecretReference]:
    passwords: list[tuple[Resource, str, BGPPassword | None]] = [
        (peer, "password", peer.spec.password) for peer in resources.bgp_peers.values()
    ]
    if (configuration := resources.bgp_configurations.get(GLOBAL_NAME)) is not None:
        passwords.append((configuration, "nodeMeshPassword", configuration.spec.node_mesh_password))
    for resource, field, password in passwords:
        if password is not None and password.secret_key_ref is not None:
            yield SecretReference(resource, ("spec", field, "secretKeyRef"), password.secret_key_ref)
