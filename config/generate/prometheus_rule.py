"""monitoring/alerts.yml as a PrometheusRule: the same groups, word for word."""

from __future__ import annotations

from pathlib import Path

import yaml
from yaml_text import yaml_of

ALERTS = Path(__file__).parents[1] / "monitoring" / "alerts.yml"


def files() -> dict[str, str]:
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "bgpctl", "namespace": "bgpctl-system"},
        "spec": {"groups": yaml.safe_load(ALERTS.read_text())["groups"]},
    }
    return {"monitoring/prometheus-rule.yaml": yaml_of([rule], "alerts.yml")}
