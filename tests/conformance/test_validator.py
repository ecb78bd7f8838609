"""Calico's own cases of valid and invalid objects, judged by us.

The cases come from a file named by the environment variable CALICO_VALIDATOR, or from the shared case files beside
this repository. Each says which of Calico's layers judged it. We hold a resource for valid only if every layer
would: so a case that only the Go validators saw, and that the CRD schema refuses, must be refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bgpctl.resources import parse_documents
from bgpctl.yaml_source.problem import Severity

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("CALICO_VALIDATOR") or ROOT.parent / "shared" / "calico" / "validator.json")

# Description of the case -> why we judge it differently. None so far.
DEVIATIONS: dict[str, str] = {}

pytestmark = pytest.mark.conformance


def cases() -> list[Any]:
    if not CASES.is_file():
        reason = f"no case file at {CASES}; name one in CALICO_VALIDATOR"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="no-case-file")]
    vectors = json.loads(CASES.read_text())["vectors"]
    return [pytest.param(case, id=f"{index}-{case['kind']}") for index, case in enumerate(vectors)]


@pytest.mark.parametrize("case", cases())
def test_object_is_judged_as_calico_judges_it(case: dict[str, Any]) -> None:
    loaded = parse_documents([("case.json", json.dumps(case["object"], ensure_ascii=False))])
    errors = [str(problem) for problem in loaded.problems if problem.severity is Severity.ERROR]
    valid = case["valid"] and not case.get("crd_schema_violations")
    if case["description"] in DEVIATIONS:
        valid = not valid
    assert (not errors) == valid, (case["description"], case["object"], errors)
    assert len(loaded.resources) == (1 if valid else 0)
