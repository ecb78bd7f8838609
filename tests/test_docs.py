"""The documentation: every page is in the index, every link leads somewhere, and the glossary fits on a page."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from bgpctl.cli import app

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


# A command as a page writes it: in a code block, or between backticks.
_COMMAND = re.compile(
    r"(?:^|`|\$ |sudo |kubectl exec .* -- )(?:\.venv/bin/)?bgpctl (?P<words>[a-z-][^`#|>\n]*)", re.MULTILINE
)
BGPCTL: Any = typer.main.get_command(app)
# What follows their first argument is another program's, or an action.
_TAKE_ANYTHING = {("lab", "exec"), ("lab", "do")}


def commands() -> list[tuple[str, str]]:
    """Page and command line, without the program's name."""
    return sorted(
        {
            (str(page.relative_to(ROOT)), " ".join(found["words"].split()))
            for page in PAGES
            if page.name != "CHANGELOG.md"
            for found in _COMMAND.finditer(page.read_text())
        }
    )


def find_command(words: list[str]) -> tuple[Any, tuple[str, ...], list[str]]:
    """The command that these words begin with, its name, and the words that are left."""
    command, name = BGPCTL, tuple[str, ...]()
    while words and words[0] in getattr(command, "commands", ()):
        command, name, words = command.commands[words[0]], (*name, words[0]), words[1:]
    return command, name, words


def test_pages_show_commands() -> None:
    assert len(commands()) > 100


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_of_a_page_is_one_that_there_is(page: str, line: str) -> None:
    command, name, words = find_command(line.split())
    assert not (hasattr(command, "commands") and words and words[0].isalpha()), f"{page}: no command {words[0]}"
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if word == "--" or (name in _TAKE_ANYTHING and not word.startswith("-")):
            break
        option = word.partition("=")[0].rstrip(",.;:)")
        if option.startswith("-") and option != "-":
            assert option in {*options, "--help"}, f"{page}: bgpctl {line}: no option {option}"
