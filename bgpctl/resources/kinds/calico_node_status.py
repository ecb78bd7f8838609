"""CalicoNodeStatus: asks one node to report what its BGP does. The status half is written by that node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bgpctl.resources.values.fields import DISTINCT, Name
from bgpctl.resources.values.model import LoosePart, Resource, ResourcePart

StatusClass = Literal["Agent", "BGP", "Routes"]


class CalicoNodeStatusSpec(ResourcePart):
    """`update_period_seconds` 0 asks for one report."""

    node: Name
    classes: Annotated[tuple[StatusClass, ...], DISTINCT] = Field(min_length=1)
    update_period_seconds: int = Field(ge=0, le=86400)


class ReportedStatus(LoosePart):
    """What the node wrote. Nothing here reads it back but for its time."""

    last_updated: str = ""


class CalicoNodeStatus(Resource):
    spec: CalicoNodeStatusSpec
    status: ReportedStatus = ReportedStatus()
