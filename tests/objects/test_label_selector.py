"""Label selectors of `-l`: which labels each form selects, and what a wrong one says."""

from __future__ import annotations

import pytest

from bgpctl.errors import NotReadyError
from bgpctl.objects.label_selector import parse_label_selector

A1 = {"rack": "a", "topology.kubernetes.io/zone": "z1", "reflector": ""}
B1 = {"rack": "b"}
SELECTED = {
    "": [A1, B1],
    "  ": [A1, B1],
    "rack=a": [A1],
    "rack==a": [A1],
    "rack = a": [A1],
    "rack!=a": [B1],
    "zone!=x": [A1, B1],
    "reflector=": [A1],
    "rack in (a,c)": [A1],
    "rack in ( a , b )": [A1, B1],
    "rack notin (a)": [B1],
    "zone notin (x)": [A1, B1],
    "reflector": [A1],
    "!reflector": [B1],
    "! reflector": [B1],
    "rack,!reflector": [B1],
    "rack in (a, b),topology.kubernetes.io/zone=z1": [A1],
    "rack=a,rack=b": [],
}


@pytest.mark.parametrize("text", SELECTED)
def test_what_is_selected(text: str) -> None:
    selector = parse_label_selector(text)
    assert [each for each in (A1, B1) if selector.matches(each)] == SELECTED[text]


WRONG = {
    "rack=a,": "character 8 is not expected",
    "rack a": "character 6 is not expected",
    "rack == 'a'": "values have no quotes here",
    "has(rack)": "this is a selector of Calico",
    "rack in a": "character 6 is not expected",
    "=a": "character 1 is not expected",
    "rack>1": "character 5 is not expected",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(NotReadyError) as raised:
        parse_label_selector(text)
    assert WRONG[text] in str(raised.value)
