"""Options from the command line, the environment and a file: which one decides, and what is wrong where."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest

from bgpctl.configuration.file import read_options_file
from bgpctl.configuration.option import Option, Variables, declared_options
from bgpctl.configuration.page import options_table
from bgpctl.configuration.read import OptionsError, OptionsFile, Sources, read_options
from bgpctl.errors import NotReadyError


class Color(StrEnum):
    RED = "red"
    GREEN = "green"


def _even(text: str) -> int:
    if int(text) % 2:
        raise ValueError(f"{text} is odd")
    return int(text)


@dataclass(frozen=True, slots=True)
class Inner:
    even: Annotated[int, Option("An even number.", parse=_even)] = 2
    no_option: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    name: Annotated[str, Option("Its name.", variables=Variables(("LAMP",), lambda found: found.get("LAMP")))]
    dark: Annotated[bool, Option("Switched off.", opposite="--bright")] = False
    color: Annotated[Color, Option("Its color.")] = Color.RED
    place: Annotated[Path | None, Option("Where it is.", takes_empty=True, parse=lambda text: text or None)] = None
    inner: Inner = field(default_factory=Inner)


Written = Callable[[str], OptionsFile]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A file of options with this text."""

    def write(text: str) -> OptionsFile:
        path = tmp_path / "lamp.yaml"
        path.write_text(text)
        return read_options_file(path, [each.key for each in declared_options(Lamp)])

    return write


def problems(sources: Sources) -> list[str]:
    with pytest.raises(OptionsError) as refusal:
        read_options(Lamp, sources)
    return str(refusal.value).splitlines()


def test_the_command_line_goes_before_the_environment_before_the_file_before_the_default(written: Written) -> None:
    file = written("name: of-file\neven: 4\ncolor: green\n")
    environment = {"BGPCTL_NAME": "of-environment", "BGPCTL_EVEN": "6"}
    assert read_options(Lamp, Sources({"name": "of-line"}, environment, file)) == Lamp(
        name="of-line", color=Color.GREEN, inner=Inner(6)
    )


def test_a_variable_of_calico_comes_after_the_option_s_own_and_before_the_file(written: Written) -> None:
    file = written("name: of-file\n")
    assert read_options(Lamp, Sources({}, {"LAMP": "calico"}, file)).name == "calico"
    assert read_options(Lamp, Sources({}, {"LAMP": "calico", "BGPCTL_NAME": "own"}, file)).name == "own"


@pytest.mark.parametrize(("text", "dark"), [("true", True), ("false", False)])
def test_a_flag_is_true_or_false_in_environment_and_file(written: Written, text: str, dark: bool) -> None:
    assert read_options(Lamp, Sources({"name": "l"}, {"BGPCTL_DARK": text})).dark is dark
    assert read_options(Lamp, Sources({"name": "l"}, {}, written(f"dark: {text}\n"))).dark is dark


def test_the_opposite_flag_undoes_the_file(written: Written) -> None:
    assert read_options(Lamp, Sources({"name": "l", "dark": False}, {}, written("dark: true\n"))).dark is False


def test_an_empty_text_is_as_good_as_none_unless_the_option_takes_it(written: Written) -> None:
    file = written("name: of-file\nplace: /attic\n")
    assert read_options(Lamp, Sources({"name": "", "place": ""}, {"BGPCTL_NAME": ""}, file)) == Lamp(name="of-file")


def test_every_problem_is_named_with_its_place(written: Written) -> None:
    file = written("name: 12\n# a comment\neven: 3\ncolour: red\nplace: [attic]\n")
    assert problems(Sources({"color": "blue"}, {"BGPCTL_DARK": "yes"}, file)) == [
        f"{file.path}:4: colour: there is no such option; did you mean color?",
        f"{file.path}:5: place: a single value is expected here",
        "BGPCTL_DARK: 'yes' is not true or false",
        "--color: 'blue' is not red or green",
        f"{file.path}:3: even: 3 is odd",
    ]


def test_a_required_option_says_where_it_can_be_set() -> None:
    assert problems(Sources()) == ["name is not set: it is set by --name, BGPCTL_NAME or name in the file of --config"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: [\n", ":1: not YAML"),
        ("- name\n", ":1: this is not a mapping"),
        ("name: a\nname: b\n", ":2: name: this key stands twice"),
        ("even: two\nname: a\n", ":1: even: invalid literal"),
    ],
)
def test_a_file_that_makes_no_sense_is_a_problem_with_its_line(written: Written, text: str, problem: str) -> None:
    found = problems(Sources({"name": "given"}, {}, written(text)))
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize("name", ["12", "no", "1e3", "a b"])
def test_a_text_in_a_file_is_what_is_written(written: Written, name: str) -> None:
    assert read_options(Lamp, Sources({}, {}, written(f"name: {name}\n"))).name == name


def test_an_empty_file_sets_nothing(written: Written) -> None:
    assert read_options(Lamp, Sources({"name": "l"}, {}, written("# nothing yet\n"))) == Lamp(name="l")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=r"the options file .* cannot be read: No such file or directory"):
        read_options_file(tmp_path / "missing.yaml", [])


def test_the_table_has_a_row_for_each_option() -> None:
    assert options_table(Lamp).splitlines()[2:] == [
        "| `--name` | `BGPCTL_NAME`, `LAMP` | **required** | Its name. |",
        "| `--dark`, `--bright` | `BGPCTL_DARK` | false | Switched off. |",
        "| `--color red \\| green` | `BGPCTL_COLOR` | red | Its color. |",
        "| `--place` | `BGPCTL_PLACE` | - | Where it is. |",
        "| `--even` | `BGPCTL_EVEN` | 2 | An even number. |",
    ]
