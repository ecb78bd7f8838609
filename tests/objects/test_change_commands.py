"""`bgpctl apply` and `bgpctl delete` on a directory: what is judged, what is refused, and what is written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from commands import here as bgpctl

from bgpctl.datastore import read_directory

LAB = Path(__file__).parents[2] / "labs" / "quickstart" / "resources"
# Without it no node has a session.
DECISIVE = "nodes-to-reflectors"
HEAD = "apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\n"
TOR = """\
# the ToR of rack a
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec:
  nodeSelector: rack == 'a'
  peerIP: 10.1.0.1  # eth0
  asNumber: 65001
"""


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LAB, tmp_path / "resources"))


def apply(resources: Path, text: str, *words: str) -> CompletedProcess[str]:
    return bgpctl("apply", "-f", "-", "--resources", resources, *words, stdin=text)


def delete(resources: Path, *words: str) -> CompletedProcess[str]:
    return bgpctl("delete", *words, "--resources", resources)


def texts(directory: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in directory.iterdir()}


# ------------------------------------------------------------------------------------------------ applied


def test_what_is_applied_is_written_with_its_comments(resources: Path) -> None:
    done = apply(resources, TOR)
    assert (done.returncode, done.stdout) == (0, "bgppeer.projectcalico.org/tor created\n")
    assert done.stderr == "4 nodes change: 4 without a session reset\n"
    assert (resources / "bgppeer-tor.yaml").read_text() == TOR
    done = apply(resources, TOR.replace("65001", "65002").replace("  # eth0", ""))
    assert (done.returncode, done.stdout) == (0, "bgppeer.projectcalico.org/tor configured\n")
    assert (resources / "bgppeer-tor.yaml").read_text() == TOR.replace("65001", "65002")
    done = apply(resources, TOR.replace("65001", "65002"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "bgppeer.projectcalico.org/tor unchanged\n", "")


def test_a_directory_of_objects_is_applied_as_a_whole(resources: Path, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    done = bgpctl("apply", "-f", LAB, "--resources", empty)
    assert (done.returncode, done.stdout.count(" created\n")) == (0, 18), done.stderr
    assert read_directory(empty).resources == read_directory(LAB).resources
    assert bgpctl("diff", LAB, empty).returncode == 0


def test_nothing_is_written_by_a_dry_run(resources: Path) -> None:
    before = texts(resources)
    done = apply(resources, TOR, "--dry-run")
    assert done.returncode == 1
    assert done.stdout.startswith("bgppeer.projectcalico.org/tor created (dry run)\n\n")
    diff = bgpctl("diff", resources, written(resources, TOR))
    assert diff.stdout in done.stdout
    assert texts(resources) == before
    assert apply(resources, TOR, "--dry-run=client").stdout == done.stdout
    refused = apply(resources, TOR, "--dry-run=server")
    assert (refused.returncode, refused.stderr) == (
        2, "bgpctl: --dry-run=server asks an API server; for a directory give --dry-run\n",
    )  # fmt: skip


def written(resources: Path, text: str) -> Path:
    copy = Path(shutil.copytree(resources, resources.parent / "copy"))
    (copy / "new.yaml").write_text(text)
    return copy


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_verdict_as_data(resources: Path, form: str) -> None:
    done = delete(resources, "bgppeer", DECISIVE, "--dry-run", "-o", form)
    data = json.loads(done.stdout) if form == "json" else yaml.safe_load(done.stdout)
    assert done.returncode == 3
    assert data["objects"] == [{"kind": "BGPPeer", "name": DECISIVE, "outcome": "deleted"}]
    assert data["lost_pairs"]["count"] == 42
    assert [each["outcome"] for each in data["held"]] == ["held"]
    assert {each["code"] for each in data["problems"]} == {"node-without-session"}


def test_names_only(resources: Path) -> None:
    assert apply(resources, TOR, "-o", "name").stdout == "bgppeer.projectcalico.org/tor\n"


# ------------------------------------------------------------------------------------------------ held back


def digest_in(text: str) -> str:
    found = re.search(r"--confirm ([0-9a-f]{12}) ", text)
    assert found is not None, text
    return found[1]


def test_what_parts_nodes_is_not_written(resources: Path) -> None:
    before = texts(resources)
    done = delete(resources, "bgppeer", DECISIVE)
    assert (done.returncode, done.stdout) == (3, "")
    assert "42 pairs of nodes are no longer reached:" in done.stderr
    assert "would be held on 8 nodes" in done.stderr
    assert "nothing is written: agents would hold a part of it." in done.stderr.splitlines()[-1]
    assert digest_in(done.stderr) in bgpctl("diff", resources, without_decisive(resources)).stdout
    assert texts(resources) == before


def without_decisive(resources: Path) -> Path:
    copy = Path(shutil.copytree(resources, resources.parent / "copy"))
    (copy / f"bgppeer-{DECISIVE}.yaml").unlink()
    return copy


def test_yes_writes_it_and_says_what_agents_will_hold(resources: Path) -> None:
    done = delete(resources, "bgppeer", DECISIVE, "--yes")
    assert (done.returncode, done.stdout) == (0, f"bgppeer.projectcalico.org/{DECISIVE} deleted\n")
    assert "would be held on 8 nodes" in done.stderr
    assert not (resources / f"bgppeer-{DECISIVE}.yaml").exists()
    assert "bgpctl.io/confirm" not in "".join(texts(resources).values())


def test_the_digest_writes_it_with_its_confirmation(resources: Path) -> None:
    digest = digest_in(delete(resources, "bgppeer", DECISIVE).stderr)
    done = delete(resources, "bgppeer", DECISIVE, "--confirm", digest)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "bgpconfiguration.projectcalico.org/default configured",
        f"bgppeer.projectcalico.org/{DECISIVE} deleted",
    ]
    text = (resources / "bgpconfiguration.yaml").read_text()
    assert text == (LAB / "bgpconfiguration.yaml").read_text().replace(
        "  name: default\n", f"  name: default\n  annotations:\n    bgpctl.io/confirm: {digest}\n"
    )
    assert "is confirmed by these resources" in bgpctl("diff", LAB, resources).stdout


def test_another_digest_confirms_nothing(resources: Path) -> None:
    before = texts(resources)
    done = delete(resources, "bgppeer", DECISIVE, "--confirm", "abcdefabcdef")
    assert done.returncode == 3
    assert texts(resources) == before


def test_a_confirmation_joins_a_change_of_the_same_object_and_those_before_it(resources: Path) -> None:
    """The BGPConfiguration ends the mesh that is the cluster's only sessions."""
    configuration = resources / "bgpconfiguration.yaml"
    delete(resources, "bgppeer", DECISIVE, "between-reflectors", "--yes")
    text = configuration.read_text()
    annotated = "  name: default\n  annotations: {bgpctl.io/confirm: aaaaaaaaaaaa}\n"
    configuration.write_text(text.replace("  name: default\n", annotated).replace("Enabled: false", "Enabled: true"))
    wanted = configuration.read_text().replace("Enabled: true", "Enabled: false")
    digest = digest_in(apply(resources, wanted).stderr)
    done = apply(resources, wanted, "--confirm", digest)
    assert (done.returncode, done.stdout) == (0, "bgpconfiguration.projectcalico.org/default configured\n"), done.stderr
    confirmed = read_directory(resources).resources.bgp_configurations["default"].metadata.annotations
    assert confirmed == {"bgpctl.io/confirm": ",".join(sorted(("aaaaaaaaaaaa", digest)))}


def test_resources_that_confirm_it_need_no_option(resources: Path) -> None:
    digest = digest_in(delete(resources, "bgppeer", DECISIVE).stderr)
    confirming = (resources / "bgpconfiguration.yaml").read_text().replace(
        "  name: default\n", f"  name: default\n  annotations: {{bgpctl.io/confirm: {digest}}}\n"
    )  # fmt: skip
    assert apply(resources, confirming).returncode == 0
    assert delete(resources, "bgppeer", DECISIVE).returncode == 0


def test_what_the_guardrails_refuse_is_not_written(resources: Path) -> None:
    """A second node with the address of the first: no agent would hold that."""
    twin = HEAD.format(kind="Node", name="c9") + "spec: {bgp: {ipv4Address: 10.1.0.11/24}}\n"
    done = apply(resources, twin)
    assert (done.returncode, "[shared-address]" in done.stderr) == (3, True), done.stderr
    assert not (resources / "node-c9.yaml").exists()
    assert apply(resources, twin, "--yes").returncode == 0


def test_what_makes_other_resources_invalid_is_not_written(resources: Path) -> None:
    filtered = f"{TOR}  filters: [only]\n---\n{HEAD.format(kind='BGPFilter', name='only')}spec: {{}}\n"
    assert apply(resources, filtered).returncode == 0
    done = delete(resources, "bgpfilter", "only")
    assert done.returncode == 2
    assert "BGPPeer/tor $.spec.filters[0]" in done.stderr
    assert "nothing is written: the resources would be invalid" in done.stderr
    assert delete(resources, "bgpfilter", "only", "--yes").returncode == 0


def test_the_network_of_a_pool_is_for_life(resources: Path) -> None:
    text = (resources / "ippool.yaml").read_text().replace("10.244.0.0/16", "10.240.0.0/12")
    done = apply(resources, text)
    assert (done.returncode, "[immutable-field]" in done.stderr) == (2, True), done.stderr


def test_an_invalid_object_elsewhere_is_not_in_the_way(resources: Path) -> None:
    (resources / "bad.yaml").write_text(HEAD.format(kind="BGPFilter", name="x") + "spc: {}\n")
    assert apply(resources, TOR).returncode == 0


# ------------------------------------------------------------------------------------------------ refused

INVALID = {
    "field": (TOR.replace("asNumber", "asNumbr"), "-:8: error: BGPPeer/tor $.spec.asNumbr: there is no field"),
    "kind": (TOR.replace("BGPPeer", "BGPPear"), "-:3: error: BGPPear/tor $.kind: there is no kind 'BGPPear'"),
    "another kind": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
        "-:1: error: Deployment (apps/v1) is none of the kinds that are written here; use kubectl",
    ),
    "no object": ("a: 1\n", "-:1: error: $: this is not a resource: it needs apiVersion and kind"),
    "no YAML": ("{", "-:1: error: $: not YAML"),
    "twice": (f"{TOR}---\n{TOR}", "-:11: error: BGPPeer/tor is given in -:2 already; remove one of the two"),
    "nothing": ("# nothing\n", "no object in -"),
}


@pytest.mark.parametrize("case", INVALID)
def test_what_is_not_valid_is_named_with_its_line_and_nothing_is_written(resources: Path, case: str) -> None:
    text, sentence = INVALID[case]
    before = texts(resources)
    other = HEAD.format(kind="BGPFilter", name="other")
    done = apply(resources, text if case in ("nothing", "no YAML") else f"{text}---\n{other}")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert texts(resources) == before


def test_an_object_that_stands_twice_is_not_guessed_at(resources: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (resources / name).write_text(TOR)
    done = apply(resources, TOR)
    places = f"{resources}/one.yaml:2 and {resources}/two.yaml:2"
    sentence = f"bgpctl: BGPPeer/tor stands in {places}; remove all but one of them\n"
    assert (done.returncode, done.stderr) == (2, sentence)


def test_what_is_to_be_deleted_and_is_not_there(resources: Path) -> None:
    before = texts(resources)
    done = delete(resources, "bgppeer", "x", "between-reflectors")
    assert (done.returncode, done.stderr) == (1, "bgpctl: BGPPeer/x not found\n")
    assert texts(resources) == before
    done = delete(resources, "bgppeer", "x", "--ignore-not-found")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_objects_of_a_file_are_deleted_wherever_they_stand(resources: Path, tmp_path: Path) -> None:
    file = tmp_path / "tor.yaml"
    file.write_text(TOR)
    assert apply(resources, TOR).returncode == 0
    assert bgpctl("delete", "-f", file, "--resources", resources).stdout == "bgppeer.projectcalico.org/tor deleted\n"
    assert read_directory(resources).resources == read_directory(LAB).resources


def test_objects_are_written_before_what_names_them_and_deleted_after_it(resources: Path) -> None:
    filtered = f"{TOR}  filters: [only]\n---\n{HEAD.format(kind='BGPFilter', name='only')}spec: {{}}\n"
    names = ["bgpfilter.projectcalico.org/only", "bgppeer.projectcalico.org/tor"]
    assert apply(resources, filtered, "-o", "name").stdout.split() == names
    both = bgpctl("delete", "-f", "-", "--resources", resources, "-o", "name", stdin=filtered)
    assert both.stdout.split() == names[::-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("delete", "give KIND and NAME, or -f FILE"),
        ("delete bgppeers", "name the objects of 'bgppeers' that are to be deleted"),
        ("delete bgppeers x -f y", "give KIND and NAME, or -f FILE"),
        ("apply", "give the objects: -f FILE"),
        ("apply -f /nowhere", "cannot read resources from /nowhere"),
    ],
)
def test_what_is_no_command(resources: Path, words: str, sentence: str) -> None:
    done = bgpctl(*words.split(), "--resources", resources)
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr
