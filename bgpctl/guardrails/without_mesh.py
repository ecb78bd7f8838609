"""A cluster without its node-to-node mesh, for questions that would otherwise write out each of its sessions.

A mesh of 5,000 nodes has 12 million sessions that all follow from one sentence: any two members have one. Whoever
asks about sessions asks of the cluster without it, and adds the sentence.
"""

from __future__ import annotations

from dataclasses import replace

from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration, BGPConfigurationSpec
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Metadata
from bgpctl.resources.values.names import GLOBAL_NAME

OFF = BGPConfigurationSpec(node_to_node_mesh_enabled=False)


def without_mesh(resources: ResourceSet) -> ResourceSet:
    """The same resources with the mesh switched off."""
    found = resources.bgp_configurations.get(GLOBAL_NAME)
    if found is None:
        return resources.with_resource(BGPConfiguration(metadata=Metadata(name=GLOBAL_NAME), spec=OFF))
    # Copied, not validated: a mesh password without a mesh is refused only where people write it.
    spec = found.spec.model_copy(update={"node_to_node_mesh_enabled": False})
    changed = found.model_copy(update={"spec": spec})
    return replace(resources, bgp_configurations={**resources.bgp_configurations, GLOBAL_NAME: changed})
