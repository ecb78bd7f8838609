"""CalicoNodeStatus: asks one node to report what its BGP does. The status half is written by that node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bgpctl.resources.values.fields import DISTINCT, SET, Name
from bgpctl.resources.values.model import LoosePart, Resource, ResourcePart

StatusClass = Literal["Agent", "BGP", "Routes"]


class CalicoNodeStatusSpec(ResourcePart):
    """Which node reports what, and how often."""

    node: Name
    """Name of the node that reports."""
    classes: Annotated[tuple[StatusClass, ...], DISTINCT, SET] = Field(min_length=1)
    """
    What it reports. Agent: whether its speaker runs. BGP: its sessions. Routes: its routes, which can be many.
    """
    update_period_seconds: int = Field(ge=0, le=86400)
    """Seconds between two reports, up to 86400. 0 asks for one report."""


class ReportedStatus(LoosePart):
    """What the node wrote. Nothing here reads it back but for its time."""

    last_updated: str = ""
    """When the report last changed."""


class CalicoNodeStatus(Resource):
    """Asks one node to report its sessions and routes in the status of this object."""

    spec: CalicoNodeStatusSpec
    """What is asked for."""
    status: ReportedStatus = ReportedStatus()
    """What the node has reported."""
