"""exabgp.conf reread: only what is new is parsed, and ExaBGP's judgement is the same as for the whole file."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from exabgp.configuration.configuration import Configuration
from exabgp.environment import getenv
from exabgp.logger import log
from msgspec.structs import replace
from segment import session

from bgpctl.compiler import render_exabgp_conf
from reflector.exabgp.configuration import SpeakerConfiguration
from reflector.plan import NodePlan, Password, SessionPlan

US = "10.9.0.9"
log.init(getenv())


def sessions(count: int, **changes: object) -> tuple[SessionPlan, ...]:
    return tuple(session(f"10.9.1.{number}", US, **changes) for number in range(1, count + 1))


def conf(*all_sessions: SessionPlan) -> str:
    return render_exabgp_conf(NodePlan(node="us", router_id=US, sessions=all_sessions))


class File:
    """An exabgp.conf and what reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.read = SpeakerConfiguration(path)

    def parsed_for(self, text: str) -> int:
        """How many neighbours were parsed to read this text, which must be all right."""
        before = self.read.parsed
        self._path.write_text(text)
        assert self.read.reload(), self.read.error
        assert self.read.neighbors == whole(self._path)
        return self.read.parsed - before

    def refusal_of(self, text: str) -> str:
        self._path.write_text(text)
        assert not self.read.reload()
        return str(self.read.error)


def whole(path: Path) -> dict[str, object]:
    """The neighbours as ExaBGP alone reads the file."""
    configuration = Configuration([str(path)])
    assert configuration.reload()
    return dict(configuration.neighbors)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "exabgp.conf")


def test_a_neighbour_that_comes_or_changes_is_parsed_alone(file: File) -> None:
    three = sessions(3)
    assert file.parsed_for(conf(*three)) == 3
    assert file.parsed_for(conf(*three, session("10.9.1.9", US))) == 1
    assert file.parsed_for(conf(three[0], replace(three[1], hold_time=30), three[2])) == 1
    assert file.parsed_for(conf(*three[:2])) == 1


def test_the_same_file_or_another_order_is_parsed_not_at_all(file: File) -> None:
    three = sessions(3)
    file.parsed_for(conf(*three))
    before = dict(file.read.neighbors)
    assert file.parsed_for(conf(*reversed(three))) == 0
    assert all(file.read.neighbors[name] is neighbor for name, neighbor in before.items())


def test_another_key_in_every_neighbour_is_parsed_not_at_all(file: File) -> None:
    file.parsed_for(conf(*sessions(3, password=Password("old"))))
    before = list(file.read.neighbors.values())
    assert file.parsed_for(conf(*sessions(3, password=Password("new")))) == 0
    keys = {neighbor["md5-password"] for neighbor in file.read.neighbors.values()}
    assert keys == {b64encode(b"new").decode()}
    assert {neighbor["md5-password"] for neighbor in before} == {b64encode(b"old").decode()}


def test_a_key_of_the_longest_kind_is_read_and_a_longer_one_refused(file: File) -> None:
    file.parsed_for(conf(*sessions(1, password=Password("x" * 80))))
    assert "MD5 password" in file.refusal_of(conf(*sessions(1, password=Password("x" * 81))))


def test_no_session_at_all(file: File) -> None:
    file.parsed_for(conf(*sessions(2)))
    file.parsed_for(conf())
    assert file.read.neighbors == {}


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (conf(*sessions(1)) + "neighbor 10.9.1.7 { nonsense; }\n", "nonsense"),
        (conf(*sessions(1), *sessions(1)), "duplicate peer definition"),
        (conf(*sessions(1)).replace("peer-as 64512;", ""), "missing peer-as"),
        ("neighbor {", ""),
    ],
    ids=["an unknown word", "a neighbour twice", "an incomplete neighbour", "an open brace"],
)
def test_what_exabgp_refuses_is_refused_with_its_words_and_changes_nothing(file: File, text: str, because: str) -> None:
    file.parsed_for(conf(*sessions(2)))
    before = dict(file.read.neighbors)
    assert because in file.refusal_of(text)
    assert file.read.neighbors == before
    assert file.parsed_for(conf(*sessions(2))) == 0


def test_a_file_of_another_shape_is_read_as_a_whole(file: File) -> None:
    text = "template { neighbor common { hold-time 30; } }\n" + conf(*sessions(2))
    assert file.parsed_for(text) == 2
    assert file.parsed_for(conf(*sessions(2))) == 2
