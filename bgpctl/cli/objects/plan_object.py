"""NodePlan objects for people: how many sessions they have, and what is in them, compressed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bgpctl.objects.object import Object

if TYPE_CHECKING:
    from bgpctl.node_plan import NodePlanSpec


def spec_in(found: Object) -> NodePlanSpec:
    """Raises UnreadablePlanError."""
    from bgpctl.node_plan.spec import NodePlanSpec, UnreadablePlanError

    try:
        return msgspec.convert(_with_raw_plan(found.data.get("spec")), NodePlanSpec)
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadablePlanError(f"it is no NodePlan: {error}") from error


def plan_text(found: Object) -> str:
    """The plan as compile prints it, and what the agent is handed beside it. Raises UnreadablePlanError."""
    from bgpctl.compiler.rendering.plan_text import render_plan
    from bgpctl.node_plan import assignment_of
    from bgpctl.yaml_source.dump import yaml_text

    text = render_plan(assignment_of(spec_in(found)).plan)
    beside = {name: value for name, value in readable_plan(found).items() if name not in ("plan", "sessions")}
    if beside:
        lines = yaml_text(beside).splitlines()
        text += "\nbeside the plan\n" + "".join(f"  {line}\n" for line in lines)
    return text


def readable_plan(found: Object) -> dict[str, Any]:
    """What stands in the object, or is compressed in it, whatever version it has. Raises UnreadablePlanError."""
    from bgpctl.node_plan.spec import readable

    return readable(spec_in(found))


def session_count(found: Object) -> int | None:
    """None where that cannot be read."""
    from bgpctl.node_plan.spec import UnreadablePlanError

    try:
        groups = readable_plan(found).get("sessions", ())
        return sum(len(group["peers"]) for group in groups)
    except (UnreadablePlanError, KeyError, TypeError):
        return None


def _with_raw_plan(spec: Any) -> Any:
    if isinstance(spec, dict) and "plan" in spec:
        return {**spec, "plan": msgspec.Raw(msgspec.json.encode(spec["plan"]))}
    return spec
