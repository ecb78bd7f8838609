"""A dashboard of Grafana about the agents' metrics (docs/metrics.md), from the tables below."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

JOB = 'job="bgpctl",instance=~"$instance"'


class Number(NamedTuple):
    """One number: green below `bad`, red from it on; `bad` None: no colour."""

    title: str
    expression: str
    description: str
    bad: int | None = 1
    unit: str = "none"


class Graph(NamedTuple):
    """Lines over time: expression -> legend."""

    title: str
    lines: dict[str, str]
    description: str
    unit: str = "none"


NUMBERS = (
    Number("Agents", f"count(up{{{JOB}}} == 1)", "Agents and reflectors that answer.", None),
    Number("Agents away", f"count(up{{{JOB}}} == 0) or vector(0)", "Traffic goes on; changes are not followed there."),
    Number("Sessions up", f'sum(bgpctl_sessions{{{JOB},state="established"}})', "Sessions that are Established.", None),
    Number(
        "Sessions down",
        f'sum(bgpctl_sessions{{{JOB},state!="established"}}) or vector(0)',
        "Sessions of plans that are not Established; `bgpctl status` names them.",
    ),
    Number("Held changes", f"sum(bgpctl_held_changes{{{JOB}}}) or vector(0)", "Losses that wait for a confirmation."),
    Number(
        "Retained routes", f"sum(bgpctl_routes_retained{{{JOB}}}) or vector(0)", "Routes that outlive their sessions."
    ),
    Number(
        "Routes missing",
        f"sum(bgpctl_fib_routes_desired{{{JOB}}} - bgpctl_fib_routes_installed{{{JOB}}}) or vector(0)",
        "Desired routes that the kernel does not have.",
    ),
    Number(
        "Old plans",
        f"count(bgpctl_plan_current{{{JOB}}} == 0) or vector(0)",
        "Nodes whose plan is not that of the newest resources.",
    ),
)
GRAPHS = (
    Graph(
        "Sessions",
        {f"sum by (state) (bgpctl_sessions{{{JOB}}})": "{{state}}"},
        "By state (RFC 4271 8.2.2).",
    ),
    Graph(
        "Sessions that left Established, in 5 minutes",
        {f"sum by (instance) (increase(bgpctl_session_flaps_total{{{JOB}}}[5m])) > 0": "{{instance}}"},
        "Flaps, by node.",
    ),
    Graph(
        "Kernel routes",
        {
            f"sum(bgpctl_fib_routes_desired{{{JOB}}})": "desired",
            f"sum(bgpctl_fib_routes_installed{{{JOB}}})": "installed",
            f"sum(bgpctl_fib_routes_failed{{{JOB}}})": "refused",
            f"sum(bgpctl_routes_retained{{{JOB}}})": "retained",
        },
        "Of all nodes.",
    ),
    Graph(
        "Prefixes in the Loc-RIB",
        {f"bgpctl_loc_rib_prefixes{{{JOB}}}": "{{instance}}"},
        "Both families.",
    ),
    Graph(
        "From the wire to the kernel, 99 % within",
        {
            "histogram_quantile(0.99, sum by (instance, le) "
            f"(rate(bgpctl_propagation_seconds_bucket{{{JOB}}}[5m])))": "{{instance}}"
        },
        "From reading an UPDATE to the kernel's answer to all that followed from it.",
        "s",
    ),
    Graph(
        "Changes of the decision process",
        {f"rate(bgpctl_decision_changes_total{{{JOB}}}[5m])": "{{instance}}"},
        "Prefixes a second for which another route was chosen.",
    ),
    Graph(
        "Problems of resources and findings",
        {
            f"max by (severity) (bgpctl_problems{{{JOB}}})": "problems: {{severity}}",
            f"max by (severity) (bgpctl_findings{{{JOB}}})": "findings: {{severity}}",
        },
        "The most that an agent reports.",
    ),
    Graph(
        "Restarts of speakers, repairs, internal errors, in 5 minutes",
        {
            f"sum(increase(bgpctl_speaker_restarts_total{{{JOB}}}[5m]))": "speakers that ended",
            f"sum(increase(bgpctl_fib_repairs_total{{{JOB}}}[5m]))": "routes that others changed",
            f"sum(increase(bgpctl_agent_internal_errors_total{{{JOB}}}[5m]))": "internal errors",
        },
        "Of all nodes; 0 in a calm cluster.",
    ),
)
WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
NUMBER_WIDTH, NUMBER_HEIGHT, GRAPH_WIDTH, GRAPH_HEIGHT = 3, 4, 12, 8


def files() -> dict[str, str]:
    return {"monitoring/bgpctl-dashboard.json": json.dumps(dashboard(), indent=2) + "\n"}


def expressions() -> list[str]:
    return [each.expression for each in NUMBERS] + [line for graph in GRAPHS for line in graph.lines]


def dashboard() -> dict[str, Any]:
    panels = [_number(place, each) for place, each in enumerate(NUMBERS)]
    panels += [_graph(place, each) for place, each in enumerate(GRAPHS)]
    return {
        "uid": "bgpctl",
        "title": "bgpctl",
        "tags": ["bgp"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                {
                    "name": "instance", "label": "Node", "type": "query", "datasource": DATASOURCE, "multi": True,
                    "includeAll": True, "allValue": ".*", "refresh": 2, "sort": 1,
                    "query": 'label_values(up{job="bgpctl"}, instance)',
                },
            ]
        },
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }  # fmt: skip


def _number(place: int, number: Number) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if number.bad is not None:
        steps.append({"color": "red", "value": number.bad})
    defaults = {"unit": number.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": "stat",
        **_head(number.title, number.description, (place * NUMBER_WIDTH, 0), (NUMBER_WIDTH, NUMBER_HEIGHT)),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}},
        "targets": [{"refId": "A", "datasource": DATASOURCE, "expr": number.expression}],
    }


def _graph(place: int, graph: Graph) -> dict[str, Any]:
    columns = WIDTH // GRAPH_WIDTH
    at = (place % columns * GRAPH_WIDTH, NUMBER_HEIGHT + place // columns * GRAPH_HEIGHT)
    targets = [
        {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend}
        for index, (expression, legend) in enumerate(graph.lines.items())
    ]
    return {
        "type": "timeseries",
        **_head(graph.title, graph.description, at, (GRAPH_WIDTH, GRAPH_HEIGHT)),
        "fieldConfig": {"defaults": {"unit": graph.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _head(title: str, description: str, at: tuple[int, int], size: tuple[int, int]) -> dict[str, Any]:
    place = {"x": at[0], "y": at[1], "w": size[0], "h": size[1]}
    return {"title": title, "description": description, "datasource": DATASOURCE, "gridPos": place}
