"""Pasted output of `calicoctl node status`."""

from __future__ import annotations

import pytest

from bgpctl.comparison.compare import read_pasted
from bgpctl.comparison.node_status import is_node_status, read_node_status
from bgpctl.comparison.pasted import PastedError
from reflector.plan import SessionKind

STATUS = """\
Calico process is running.

IPv4 BGP status
+-------------------+-------------------+-------+----------+--------------------------------+
|   PEER ADDRESS    |     PEER TYPE     | STATE |  SINCE   |              INFO              |
+-------------------+-------------------+-------+----------+--------------------------------+
| 10.3.0.1          | node-to-node mesh | up    | 20:10:57 | Established                    |
| 10.3.0.31         | node-to-node mesh | start | 20:10:50 | Active Socket: Connection      |
|                   |                   |       |          | refused                        |
| 10.3.0.254        | global            | up    | 20:11:02 | Established                    |
| 10.3.0.9.port.180 | node specific     | start | 20:11:02 | Connect                        |
+-------------------+-------------------+-------+----------+--------------------------------+

IPv6 BGP status
No IPv6 peers found.

"""


def test_sessions_have_address_kind_and_state() -> None:
    status = read_node_status(STATUS)
    assert [(each.address, each.kind, each.is_established) for each in status.sessions] == [
        ("10.3.0.1", SessionKind.MESH, True),
        ("10.3.0.31", SessionKind.MESH, False),
        ("10.3.0.254", SessionKind.GLOBAL, True),
        ("10.3.0.9", SessionKind.NODE, False),
    ]
    assert status.sessions[1].info == "Active Socket: Connection refused"
    assert status.families == {4, 6}


def test_a_node_without_bird_has_no_sessions() -> None:
    status = read_node_status("Calico process is running.\n\nThe BGP backend process (BIRD) is not running.\n")
    assert (status.sessions, status.families) == ((), frozenset())
    assert is_node_status("Calico process is running.\n\nINFO: BIRDv4 process: 'bird' is not running.\n")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("global ", "worldwide ", 10, "'worldwide' is no type of a peer"),
        ("10.3.0.254 ", "10.3.0.2544", 10, "'10.3.0.2544' is no address of a peer"),
        ("| up    | 20:11:02 ", "| up    ", 10, "a row of 4 columns in a table of 5"),
        (
            "No IPv6 peers found.",
            "segmentation fault",
            15,
            "'segmentation fault' is no line of `calicoctl node status`",
        ),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(old: str, new: str, line: int, message: str) -> None:
    assert old in STATUS
    with pytest.raises(PastedError) as caught:
        read_node_status(STATUS.replace(old, new))
    assert caught.value.line == line
    assert message in caught.value.message


def test_a_table_that_is_cut_off_is_an_error() -> None:
    """After any of its lines, in the middle of a line, and between two tables nothing is lost."""
    end = STATUS.rindex("+---")
    for cut in (STATUS.index("| 10.3.0.31"), STATUS.index("| 10.3.0.254") + 8, end, end + 20):
        with pytest.raises(PastedError):
            read_node_status(STATUS[:cut])
    assert len(read_node_status(STATUS[: STATUS.index("IPv6")]).sessions) == 4


def test_what_a_text_is_shows_by_itself() -> None:
    assert read_pasted(STATUS).status is not None
    assert read_pasted("10.1.0.0/26 blackhole [static1 20:10:57] * (200)").status is None
    with pytest.raises(PastedError, match="no route and no session is in it"):
        read_pasted("BIRD v0.3.3+birdv1.6.8 ready.\n")
