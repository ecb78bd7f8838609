"""config/monitoring/alerts.yml: alerts are about metrics that there are, and wake somebody when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "config" / "monitoring" / "alerts.yml"
CASES = Path(__file__).with_name("alert_cases.yml")

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: Debian package prometheus")


def promtool(directory: Path, *arguments: str) -> None:
    """Fails the test with what it has to say, unless all is well."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_are_about_metrics_that_there_are() -> None:
    """Those of the pages of the documentation, which the tests hold against an agent and a controller."""
    named = {name.removesuffix("_bucket") for name in re.findall(r"\bbgpctl_\w+", ALERTS.read_text())}
    pages = "".join((ROOT / "docs" / page).read_text() for page in ("metrics.md", "controller-metrics.md"))
    assert named <= set(re.findall(r"^\| `(bgpctl_\w+)`", pages, re.MULTILINE))


@needs_promtool
def test_promtool_accepts_the_alerts() -> None:
    promtool(ROOT, "check", "rules", str(ALERTS))


@needs_promtool
def test_alerts_wake_somebody_when_they_should(tmp_path: Path) -> None:
    for file in (ALERTS, CASES):
        shutil.copy(file, tmp_path)
    promtool(tmp_path, "test", "rules", CASES.name)
