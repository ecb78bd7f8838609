"""docs/control-protocol.md is what the messages say of themselves, and they say all."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from reflector import messages
from reflector.messages import Message, Reply, Request
from reflector.messages.reference import explained_fields, render_page

PAGE = Path(__file__).parents[2] / "docs/control-protocol.md"
STRUCTS = sorted(
    (each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)),
    key=lambda struct: struct.__name__,
)
MESSAGES = [struct for struct in STRUCTS if issubclass(struct, Message) and struct is not Message]


def test_the_page_is_written_from_the_messages() -> None:
    assert PAGE.read_text() == render_page(), "python -m reflector.messages.reference > docs/control-protocol.md"


def test_every_message_is_a_request_or_a_reply_and_stands_in_the_page_once() -> None:
    assert {*get_args(Request), *get_args(Reply)} == set(MESSAGES)
    titles = [line.removeprefix("### ") for line in PAGE.read_text().splitlines() if line.startswith("### ")]
    assert sorted(titles) == [struct.__name__ for struct in STRUCTS if struct is not Message]


@pytest.mark.parametrize("struct", [struct for struct in STRUCTS if struct is not Message])
def test_the_docstring_of_a_message_explains_all_its_fields_and_no_other(struct: type[msgspec.Struct]) -> None:
    assert sorted(explained_fields(struct)) == sorted(struct.__struct_fields__)


@pytest.mark.parametrize("request_type", get_args(Request))
def test_a_request_names_its_reply(request_type: type[Message]) -> None:
    _, _, replies = (request_type.__doc__ or "").replace("\n    ", " ").partition("Reply: ")
    named = replies.partition(".")[0].split(" or ")
    assert {name.partition(",")[0].split()[0] for name in named} <= {reply.__name__ for reply in get_args(Reply)}
