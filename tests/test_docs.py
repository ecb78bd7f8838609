"""The documentation: every page is in the index, every link leads somewhere, and the glossary fits on a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("labs/**/*.md"), *ROOT.glob("config/**/*.md"))
    if ".venv" not in page.parts
)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MOST_TERMS = 50


def links(page: Path) -> list[Path]:
    """The files that a page links to."""
    text = _CODE_BLOCK.sub("", page.read_text())
    return [page.parent / target for target in _LINK.findall(text) if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    assert [str(target) for target in links(page) if not target.exists()] == []


def test_every_page_is_in_the_index() -> None:
    listed = {target.resolve() for target in links(DOCS / "README.md")}
    assert [page.name for page in sorted(DOCS.glob("*.md")) if page.name != "README.md" and page not in listed] == []


def test_every_decision_is_listed() -> None:
    listed = {target.resolve() for target in links(DOCS / "decisions" / "README.md")}
    assert set((DOCS / "decisions").glob("0*.md")) == listed


def test_the_glossary_fits_on_a_page() -> None:
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(terms) == len(set(terms)) <= MOST_TERMS
