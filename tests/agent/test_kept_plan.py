"""The last NodePlan on the disk, for a start without the API server."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bgpctl.agent.sources.kept_plan import KeptPlanFile
from bgpctl.node_plan import Assignment, spec_of
from reflector.plan import NodePlan

PLAN = NodePlan("a", "10.0.0.1")
SPEC = spec_of(Assignment(PLAN))


def test_the_next_agent_reads_what_was_kept(tmp_path: Path) -> None:
    KeptPlanFile(tmp_path / "state", "a").keep(SPEC, PLAN)
    kept = KeptPlanFile(tmp_path / "state", "a").read()
    assert kept is not None
    assert (kept.spec, kept.plan) == (SPEC, PLAN)
    assert kept.read_at > 0
    assert (tmp_path / "state" / "a.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_another_plan_is_written_at_once_and_a_service_that_moves_a_little_later(tmp_path: Path) -> None:
    file = KeptPlanFile(tmp_path, "a")
    file.keep(SPEC, PLAN)
    file.keep(SPEC, replace(PLAN, log_level="debug"))
    assert file.is_due, "the same NodePlan with other services"
    other = replace(PLAN, router_id="10.0.0.2")
    file.keep(spec_of(Assignment(other)), other)
    assert not file.is_due
    kept = KeptPlanFile(tmp_path, "a").read()
    assert kept is not None
    assert kept.plan == other


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"spec": {"node": "a"}}', b"\xff\xfe", b'{"spec": null}' * 1000]
)
def test_what_is_not_readable_is_left_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    file = KeptPlanFile(tmp_path, "a")
    assert file.read() is None
    file.keep(SPEC, PLAN)
    assert KeptPlanFile(tmp_path, "a").read() is not None


def test_a_directory_that_cannot_be_made_costs_only_the_knowledge(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = KeptPlanFile(tmp_path / "file" / "state", "a")
    file.keep(SPEC, PLAN)
    assert KeptPlanFile(tmp_path / "file" / "state", "a").read() is None
