"""The completions, one after the other: last good versions, detected addresses, local workloads.

The order matters: a workload that comes or goes must not make the host look for its addresses once more.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.observer import HostObserver
from bgpctl.agent.complete.detected_addresses import with_detected_addresses
from bgpctl.agent.complete.endpoint_status import EndpointStatus
from bgpctl.agent.complete.last_good import LastGood
from bgpctl.agent.node_resources import NodeResources
from bgpctl.resources import Loaded


async def completed(
    changes: AsyncGenerator[Loaded, None],
    last_good: LastGood,
    detector: Detector,
    endpoints: EndpointStatus,
    own_protocol: int,
) -> AsyncGenerator[NodeResources, None]:
    """Each change of the cluster's resources as the node sees it, and the last one once more when the machine's
    addresses or workloads change. `own_protocol` marks the kernel routes that are no news about the machine."""
    async with (
        aclosing(changes),
        aclosing(last_good.follow(changes)) as own,
        aclosing(with_detected_addresses(own, detector, HostObserver(own_protocol))) as addressed,
        aclosing(endpoints.follow(addressed)) as located,
    ):
        async for resources in located:
            yield resources
