"""What the difference of two clusters costs beside compiling both, which it cannot do without."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_diff_command import cluster

from bgpctl.cli.change import Side, change_between
from bgpctl.compiler import CompileOptions, compile_cluster

OPTIONS = CompileOptions()


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.slow
def test_step_of_a_mesh_to_reflectors_costs_little_more_than_compiling_both(tmp_path: Path) -> None:
    """3.1 times as much, 4.4 on a busy machine: a mesh's sessions are alike and compile in little time."""
    (tmp_path / "old.yaml").write_text(cluster(150, 0, mesh=True))
    (tmp_path / "new.yaml").write_text(cluster(150, 2, mesh=True))
    old, new = Side.read(tmp_path / "old.yaml", OPTIONS), Side.read(tmp_path / "new.yaml", OPTIONS)

    def compile_both() -> None:
        for side in (old, new):
            assert sum(len(each.plan.sessions) for each in compile_cluster(side.loaded.resources, OPTIONS))

    compile_both()  # what is remembered of addresses is remembered for both measurements
    ratio = min(seconds(lambda: change_between(old, new, OPTIONS)) / seconds(compile_both) for _ in range(3))
    assert ratio < 7
