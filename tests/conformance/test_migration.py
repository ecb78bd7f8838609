"""Objects that a conversion from Calico v1 gave: they are read like any other v3 resource.

The conversion itself is not ours: Calico has removed it, and whoever is on v1 converts with Calico's own tool first.
CALICO_MIGRATION names the file with the cases; without it, it is looked for beside this checkout.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bgpctl.resources import parse_documents
from bgpctl.yaml_source.problem import Severity

pytestmark = pytest.mark.conformance

_GIVEN = os.environ.get("CALICO_MIGRATION")
_FILE = Path(_GIVEN) if _GIVEN else Path(__file__).parents[2].parent / "shared" / "calico" / "migration.json"
_KINDS = {"bgppeer": "BGPPeer", "ippool": "IPPool", "node": "Node"}

# The conversion checks nothing: host bits stay, and so does IPIP in an IPv6 pool. The validator refuses both.
_REFUSED = {
    "IPPool/10-0-0-1-24": "not-a-cidr",
    "IPPool/5-5-5-5-25": "not-a-cidr",
    "IPPool/2001---120": "ipip-on-ipv6",
}


def _cases() -> list[Any]:
    if not _FILE.is_file():
        reason = f"the migration cases are not there: {_FILE} (CALICO_MIGRATION)"
        return [pytest.param("", {}, marks=pytest.mark.skip(reason=reason))]
    cases = json.loads(_FILE.read_text())
    return [
        pytest.param(kind, case["v3"], id=f"{kind}/{case['v3']['name']}")
        for key, kind in _KINDS.items()
        for case in cases[key]
        if "v3" in case
    ]


@pytest.mark.parametrize(("kind", "converted"), _cases())
def test_a_converted_object_is_read_as_it_is(kind: str, converted: dict[str, Any]) -> None:
    document = {
        "apiVersion": "projectcalico.org/v3",
        "kind": kind,
        "metadata": {"name": converted["name"]},
        "spec": converted["spec"],
    }
    loaded = parse_documents([("converted.json", json.dumps(document))])
    errors = [problem.code for problem in loaded.problems if problem.severity is Severity.ERROR]
    expected = _REFUSED.get(f"{kind}/{converted['name']}")
    assert errors == ([expected] if expected else [])
