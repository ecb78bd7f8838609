"""Every code that the product can print has a page, and every page a code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgpctl.guardrails.finding import CATALOGUE
from bgpctl.resources.reading.refusals import TABLE

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "problems"
PACKAGES = ("resources", "compiler", "datastore", "guardrails", "agent", "controller", "migration")
CODE = re.compile(r"[a-z]+(-[a-z0-9]+)+")
# What makes a problem, with the place of the code among its arguments. An argument that is no text is a code passed on.
MAKERS = {
    "Advice": 0,
    "ClusterFinding": 2,
    "Finding": 0,
    "Problem": 4,
    "FieldFinding": 0,
    "Rule": 0,
    "WrongValueError": 0,
    "_refuse": 0,
    "_suppressed": 3,
    "_problem": 1,
    "problem": 1,
    "_text": 0,
    "_unusable": 1,
    "refuse": 0,
    "warn": 2,
}


def codes_in(source: str) -> Iterator[str]:
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        place = MAKERS.get(name)
        if place is None or len(call.args) <= place:
            continue
        found = call.args[place]
        if isinstance(found, ast.Constant) and isinstance(found.value, str) and CODE.fullmatch(found.value):
            yield found.value


def emitted() -> set[str]:
    files = [file for package in PACKAGES for file in (ROOT / "bgpctl" / package).rglob("*.py")]
    return {code for file in files for code in codes_in(file.read_text())} | {code for code, _ in TABLE.values()}


def pages() -> set[str]:
    return {page.stem for page in PAGES.glob("*.md")} - {"index"}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert pages() == emitted() | CATALOGUE.keys()


def test_the_index_lists_every_page_once() -> None:
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\.md\)", (PAGES / "index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(pages())


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_the_page_of_a_guardrail_says_its_severity(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()
    assert page.startswith(f"# {code}\n\n{CATALOGUE[code].value.capitalize()}. Decided in `bgpctl/guardrails/")


def test_pages_name_files_that_are_there() -> None:
    for page in PAGES.glob("*.md"):
        for name in re.findall(r"`(bgpctl/[a-z_/]+\.py)`", page.read_text()):
            assert (ROOT / name).is_file(), f"{page.name} names {name}"
