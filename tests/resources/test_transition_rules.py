"""What of an IPPool is for life."""

from __future__ import annotations

from typing import Any

import pytest

from bgpctl.resources import ResourceSet
from bgpctl.resources.checks.transition_rules import transition_findings
from bgpctl.resources.kinds.ip_pool import IPPool, IPPoolSpec
from bgpctl.resources.values.model import Metadata


def pool(**spec: Any) -> ResourceSet:
    return ResourceSet.of(IPPool(metadata=Metadata(name="p"), spec=IPPoolSpec(**{"cidr": "10.0.0.0/16", **spec})))


def changed_fields(before: ResourceSet, after: ResourceSet) -> list[str]:
    return [str(finding.path[-1]) for finding in transition_findings(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({}, {"cidr": "10.1.0.0/16"}, ["cidr"]),
        ({}, {"block_size": 27}, ["blockSize"]),
        ({}, {"block_size": 26}, []),
        ({"allowed_uses": ("LoadBalancer",)}, {"allowed_uses": ("Workload",)}, ["allowedUses"]),
        ({"allowed_uses": ("Workload",)}, {"allowed_uses": ("Tunnel",)}, []),
        ({}, {"vxlan_mode": "Always", "disabled": True}, []),
        ({"cidr": "FD00:0::/112"}, {"cidr": "fd00::/112"}, []),
    ],
)
def test_pool_keeps_its_network_block_size_and_use(
    before: dict[str, Any], after: dict[str, Any], fields: list[str]
) -> None:
    assert changed_fields(pool(**before), pool(**after)) == fields


def test_new_and_deleted_pools_are_free() -> None:
    assert changed_fields(ResourceSet(), pool()) == changed_fields(pool(), ResourceSet()) == []
