"""ClusterInformation: which release of Calico the cluster runs. Releases differ in who programs the routes of pools.

up to 3.32   BGP programs those of all pools but VXLAN's (programClusterRoutes Enabled, Felix: Disabled)
from 3.33    Felix programs those of IPIP pools as well (EnabledNoEncapOnly, Felix: EnabledIPIPOnly)
"""

from __future__ import annotations

import re

from bgpctl.resources.values.model import LoosePart, Resource

FIRST_WITH_FELIX_IPIP = (3, 33)
_RELEASE = re.compile(r"v?(\d{1,5})\.(\d{1,5})(?:[.-].*)?", re.ASCII | re.DOTALL)


class ClusterInformationSpec(LoosePart):
    calico_version: str = ""

    @property
    def release(self) -> tuple[int, int] | None:
        """(3, 30) of "v3.30.2"; None of what is no release."""
        found = _RELEASE.fullmatch(self.calico_version)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def bgp_programs_ipip(self) -> bool:
        """Whether that is the default of this release."""
        return self.release is not None and self.release < FIRST_WITH_FELIX_IPIP


class ClusterInformation(Resource):
    spec: ClusterInformationSpec = ClusterInformationSpec()
