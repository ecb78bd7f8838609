"""The words of actions: what each means, what undoes it, and which problem is reported for words that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_lab

from bgpctl.lab.actions import ACTIONS, Action, ActionError, ActionScope, read_action
from bgpctl.lab.topology.node_names import NodeNames
from bgpctl.lab.topology.topology_file import read_topology

# Of every action one, in the order of the table.
EXAMPLES = (
    "kill a speaker",
    "start a",
    "freeze b",
    "thaw b",
    "restart a agent",
    "roll nodes speaker",
    "power off a",
    "power on a",
    "cut a--sw",
    "mend a--sw",
    "cut a from b,host",
    "mend a from b,host",
    "flap a:eth1 times 5 every 200ms",
    "impair a--sw delay 200ms loss 5% rate 10mbit",
    "clear a--sw",
    "drain a withdrawn",
    "undrain a",
    "write another-block.yaml as blocks.yaml on a",
    "remove cluster.yaml",
    "restore cluster.yaml",
    "garbage host to a as 65003",
    "flood host to a as 65003 prefixes 1000",
    "churn host to 10.9.0.2 as 65003",
    "slow reader host to a as 65003",
    "silent host to a as 65003",
    "behave host",
    "half-open a",
    "limit memory a 10",
    "free memory a",
    "fill disk b",
    "free disk b",
    "delete routes a for 5s",
    "overflow netlink a",
    "run a ip route show",
    "wait 1.5",
)


@pytest.fixture
def scope(tmp_path: Path) -> ActionScope:
    small_lab.write_files(tmp_path)
    file = tmp_path / "small.clab.yml"
    file.write_text(small_lab.TOPOLOGY.replace("NAME", "small"))
    return ActionScope(NodeNames(read_topology(file), {"nodes": ("a", "b")}), tmp_path)


def test_each_action_has_an_example_here(scope: ActionScope) -> None:
    assert [type(read_action(text, scope)) for text in EXAMPLES] == list(ACTIONS)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_action_is_printed_in_the_words_that_it_is_read_from(scope: ActionScope, text: str) -> None:
    assert str(read_action(text, scope)) == text


def test_what_is_undone_by_another_action_says_so(scope: ActionScope) -> None:
    def undo(text: str) -> str:
        taken_back = read_action(text, scope).undo()
        return str(taken_back) if taken_back else ""

    assert {text: undo(text) for text in EXAMPLES if undo(text)} == {
        "freeze b": "thaw b",
        "power off a": "power on a",
        "cut a--sw": "mend a--sw",
        "cut a from b,host": "mend a from b,host",
        "impair a--sw delay 200ms loss 5% rate 10mbit": "clear a--sw",
        "drain a withdrawn": "undrain a",
        "write another-block.yaml as blocks.yaml on a": "restore blocks.yaml",
        "remove cluster.yaml": "restore cluster.yaml",
        "garbage host to a as 65003": "behave host",
        "flood host to a as 65003 prefixes 1000": "behave host",
        "churn host to 10.9.0.2 as 65003": "behave host",
        "slow reader host to a as 65003": "behave host",
        "silent host to a as 65003": "behave host",
        "limit memory a 10": "free memory a",
        "fill disk b": "free disk b",
    }
    assert undo("kill a") == undo("kill a agent") == "start a"


def test_every_undo_is_an_action_that_can_be_read(scope: ActionScope) -> None:
    undos = [undo for text in EXAMPLES if (undo := read_action(text, scope).undo()) is not None]
    assert [read_action(str(undo), scope) for undo in undos] == undos


def ends(action: Action) -> list[str]:
    return [f"{end.node}:{end.interface}" for end in action.link.ends]  # type: ignore[attr-defined]


def test_a_link_is_all_of_a_node_or_those_between_two_or_one_direction(scope: ActionScope) -> None:
    def impaired(link: str) -> list[str]:
        return ends(read_action(f"impair {link} delay 1ms", scope))

    assert impaired("a") == ["a:eth1", "sw:p1", "pod-a:eth1", "a:cali1"]
    assert impaired("sw--a") == ["a:eth1", "sw:p1"]
    assert impaired("sw:p1") == ["sw:p1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an action is missing"),
        ("kil a", "'kil' is no action; did you mean 'kill'?"),
        ("power a", "'power a' is no action; there is `power off NODE` and `power on NODE`"),
        ("kill", "NODE is missing; the form is `kill NODE [PART]`"),
        ("kill c", "the topology has no node 'c'"),
        ("kill a speker", "'speker' is none of agent, speaker, daemon, all; did you mean 'speaker'?"),
        ("kill a speaker now", "'now' is not expected; the form is `kill NODE [PART]`"),
        ("kill pod-a speaker", "no speaker runs on pod-a, it is a pod"),
        ("roll a,host agent", "no agent runs on host, it is a pod"),
        ("cut a from", "OTHER is missing; the form is `cut SET from OTHER`"),
        ("cut a--b", "the topology has no link 'a--b'"),
        ("cut a:eth9", "the topology has no link 'a:eth9'; did you mean"),
        ("flap a times few every 1s", "'few' is not a whole number"),
        ("impair a", "it has no delay, loss or rate"),
        ("impair a delay long", "'long' is not of the form 200ms or 5s"),
        ("impair a loss 101%", "'101%' is not of the form 5%, at most 100%"),
        ("impair a rate 10", "'10' is not of the form 10mbit"),
        ("write nothing.yaml", "nothing.yaml does not exist"),
        ("remove ../cluster.yaml", "'../cluster.yaml' is not the name of a file"),
        ("write another-block.yaml on host", "no agent reads resources on host"),
        ("fill disk a", "a has no disk of its own; give it the label bgpctl-disk"),
        ("drain a now", "'now' is neither marked nor withdrawn"),
        ("drain host", "no agent runs on host"),
        ("garbage a to b as 64512", "a is a node; only a node that runs no BGP program can misbehave as a peer"),
        ("flood host to fd00::1 as 65003 prefixes 1", "a misbehaving peer has IPv4 sessions only"),
        ("run a 'ip", "not a command: No closing quotation"),
    ],
)
def test_words_that_mean_nothing_are_answered_with_the_form_that_is_expected(
    scope: ActionScope, text: str, sentence: str
) -> None:
    with pytest.raises(ActionError) as result:
        read_action(text, scope)
    assert sentence in str(result.value)


def test_netem_gets_the_same_figures(scope: ActionScope) -> None:
    """tc-netem(8): where the kernel has it, it does what our process does elsewhere."""
    impair = read_action("impair a delay 1.5s loss 0.5% rate 64kbit", scope)
    assert impair.netem() == ["delay", "1500ms", "loss", "0.5%", "rate", "64000bit"]  # type: ignore[attr-defined]


def test_the_page_for_operators_has_a_row_for_each_action() -> None:
    page = (Path(__file__).parents[2] / "docs/lab-expectations.md").read_text()
    for action in ACTIONS:
        assert f"| `{action.usage}` | {action.summary} |" in page
