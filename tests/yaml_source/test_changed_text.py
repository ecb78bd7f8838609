"""A file that is read again after a change says what it would say to somebody who reads it for the first time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.resources import Loaded, parse_documents


def pool(name: str, cidr: str) -> str:
    return f"apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {{name: {name}}}\nspec: {{cidr: {cidr}}}\n"


# What files are made of: resources, mistakes, comments, and separators of all kinds.
PIECES = (
    pool("a", "10.1.0.0/16"),
    pool("b", "10.2.0.0/16"),
    pool("b", "10.3.0.0/16"),
    pool("bad", "nonsense"),
    "# a comment\n",
    "\n",
    "text without a meaning\n",
    "a: |\n  ---\n  indented\n",
    "---\n",
    "---\n",
    "---\n",
    "--- # with a comment\n",
    "---",
    "---x\n",
    "%YAML 1.1\n",
    "- broken: [\n",
)
FILES = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def contents(loaded: Loaded) -> object:
    return loaded.resources, dict(loaded.resources.locations), loaded.problems


def read_again(old: str, new: str) -> Loaded:
    return parse_documents([("f.yaml", new)], parse_documents([("f.yaml", old)]))


@given(FILES, FILES)
def test_any_text_after_any_other(old: str, new: str) -> None:
    assert contents(read_again(old, new)) == contents(parse_documents([("f.yaml", new)]))


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.data())
def test_a_text_in_which_one_piece_is_replaced(pieces: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(pieces) - 1))
    other = data.draw(st.sampled_from(("", *PIECES)))
    new = "".join([*pieces[:place], other, *pieces[place + 1 :]])
    assert contents(read_again("".join(pieces), new)) == contents(parse_documents([("f.yaml", new)]))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_resources_around_the_change_stay_the_same_objects(place: int) -> None:
    names = ["a", "b", "c"]
    texts = [pool(name, f"10.{number}.0.0/16") for number, name in enumerate(names)]
    before = parse_documents([("f.yaml", "---\n".join(texts))])
    texts[place] = texts[place].replace("spec:", "# a line more\nspec:").replace(".0.0/16", ".0.0/17")
    after = parse_documents([("f.yaml", "---\n".join(texts))], before)
    same = [before.resources.ip_pools[name] is after.resources.ip_pools[name] for name in names]
    assert same == [name != names[place] for name in names]
    lines = [after.resources.location(after.resources.ip_pools[name]).line for name in names]
    assert lines == [1 + sum(text.count("\n") + 1 for text in texts[:number]) for number in range(3)]
