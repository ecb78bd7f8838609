"""The table of kinds: what people call them, and that it agrees with what is read, served and defined."""

from __future__ import annotations

import pytest

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.kinds import V1, V3, calico_kinds
from bgpctl.kubernetes_schema import SERVED_KINDS
from bgpctl.objects import KINDS, NODE_PLAN, Writers, kind_of
from bgpctl.objects.kinds import kinds_named
from bgpctl.resources.reading import kind_table

NAMED = {
    "bgppeer": ["BGPPeer"],
    "BGPPeers": ["BGPPeer"],
    "bgpp": ["BGPPeer"],
    "peers": ["BGPPeer"],
    "bgppeers.projectcalico.org": ["BGPPeer"],
    "bgppeers.v3.projectcalico.org": ["BGPPeer"],
    "bgppeers.crd.projectcalico.org": ["BGPPeer"],
    "nodes": ["Node", "Node"],
    "node.projectcalico.org": ["Node"],
    "ipp": ["IPPool"],
    "svc": ["Service"],
    "nplan": ["NodePlan"],
    "all": [each.kind for each in KINDS],
}


@pytest.mark.parametrize("word", NAMED)
def test_what_a_word_names(word: str) -> None:
    assert [each.kind for each in kinds_named(word)] == NAMED[word]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("bgpper", "did you mean bgppeer?"),
        ("pods", "there are secrets, nodes,"),
        ("bgppeers.example.org", "there is no kind 'bgppeers.example.org' here"),
    ],
)
def test_what_no_word_names(word: str, sentence: str) -> None:
    with pytest.raises(NotReadyError) as raised:
        kinds_named(word)
    assert sentence in str(raised.value)


def test_no_name_means_two_kinds() -> None:
    names = [(name, each.groups[0][0]) for each in KINDS for name in (each.plural, each.singular, *each.names)]
    assert len(names) == len(set(names))


def test_the_table_has_every_kind_that_is_read() -> None:
    """Under each apiVersion; NodePlans are no resources."""
    ours = {(version, each.kind) for each in KINDS for version in each.api_versions if each is not NODE_PLAN}
    assert ours == kind_table.KINDS.keys()
    for group in (V3, V1):
        read = {each.resource for each in calico_kinds(group, frozenset({"nodes"}))}
        assert read == {each.api_kind(group).resource for each in KINDS if group in each.groups}


def test_the_table_has_the_names_of_our_definitions() -> None:
    for served in SERVED_KINDS:
        kind = kind_of("projectcalico.org/v3", served.kind)
        assert kind is not None
        assert (kind.plural, kind.writers) == (served.plural, Writers.OPERATOR)
        assert set(served.short_names) <= set(kind.names)
