"""Writes what of config/ is made of something else: python config/generate [DIRECTORY], by default config itself.

monitoring/prometheus-rule.yaml                 from monitoring/alerts.yml
policy/resources.yaml, annotations.yaml, ...    from the rules of resources and the table of annotations
samples/labs/                                   from labs/
chart/templates/                                from what kustomize makes of the rooms
"""

from __future__ import annotations

import sys
from pathlib import Path

import chart
import dashboard
import policies
import prometheus_rule
import samples

CONFIG = Path(__file__).parents[1]


def generate(directory: Path) -> None:
    _write(directory, {**prometheus_rule.files(), **dashboard.files(), **policies.files(), **samples.files()})
    # Of what is written by now, in config itself.
    _write(directory, chart.files())


def _write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


generate(Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIG)
