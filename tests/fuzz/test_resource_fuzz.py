"""Whatever stands in a resource file: no command and no stage of the agent raises. (A live agent: test_agent_fuzz.py)

    make fuzz                  100,000 mutants
    FUZZ_MUTANTS, FUZZ_SEED    another number, another sequence; the suite has 2,000 of the same one each time

A failure names its mutant. `mutant(seed, number)` of mutants.py makes it again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from mutants import documents, mutant
from stages import Commands, Stages, run_all

MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "12"))
# The mutants are dealt out, so that several workers can take them.
HANDS = 8

BASE = yaml.safe_dump_all(documents()).encode()


@pytest.mark.slow
@pytest.mark.timeout(0 if MUTANTS > 2000 else 600)
@pytest.mark.parametrize("hand", range(HANDS))
def test_no_mutant_ends_a_command_or_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand: int) -> None:
    numbers = range(hand, MUTANTS, HANDS)
    commands, stages = Commands(tmp_path, BASE, monkeypatch), Stages(tmp_path)
    count = run_all(stages, commands, ((SEED, number, mutant(SEED, number)) for number in numbers))
    assert count == len(numbers)
    assert stages.plan is not None


@pytest.mark.slow
def test_the_cluster_without_a_mistake_is_what_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or mutants would be refused for another reason than their mistakes."""
    stages = Stages(tmp_path)
    assert run_all(stages, Commands(tmp_path, BASE, monkeypatch), iter([(0, 0, BASE)])) == 1
    assert stages.plan is not None
    assert len(stages.plan.sessions) > 2
