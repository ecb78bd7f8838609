"""`bgpctl get` of a directory, as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import BGPCTL, watching
from object_cases import CLUSTER, PASSWORDS, TABLES, cells
from segment import eventually

from bgpctl.objects import KINDS
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.dump import plain

# What a look at files has no use for.
HEAVY = (
    "bgpctl.compiler",
    "bgpctl.guardrails",
    "httpx2",
    "lightkube",
    "networkx",
    "pydantic",
    "pyroute2",
    "rich",
    "typer",
)


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    directory = tmp_path / "resources"
    directory.mkdir()
    (directory / "cluster.yaml").write_text(CLUSTER)
    return directory


def get(resources: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("get", *words, "--resources", str(resources), **environment)


def run(*words: str, cwd: Path | None = None, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BGPCTL, *words], capture_output=True, text=True, check=False, timeout=60, cwd=cwd, input=stdin,
        env={**os.environ, **environment},
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ tables


@pytest.mark.parametrize("case", TABLES)
def test_a_table(resources: Path, case: str) -> None:
    words, rows = TABLES[case]
    done = get(resources, *words.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout, last=False) == cells(rows, last=True)
    places = [line[-1] for line in cells(done.stdout, last=True) if line[-1]]
    assert all(place == "FILE" or place.startswith(f"{resources}/cluster.yaml:") for place in places)


def test_all_kinds_that_there_are(resources: Path) -> None:
    done = get(resources, "all", "-o", "name")
    names = done.stdout.split()
    assert len(names) == len(list(split_documents(CLUSTER)))
    kinds = [each.resource for each in KINDS]
    assert [kinds.index(name.partition("/")[0]) for name in names] == sorted(
        kinds.index(name.partition("/")[0]) for name in names
    )


def test_titles_and_labels(resources: Path) -> None:
    assert cells(get(resources, "nodes", "--no-headers").stdout, last=False)[0][:2] == ["a1", "10.0.0.1/24"]
    labels = [row[-1] for row in cells(get(resources, "nodes", "--show-labels").stdout, last=True)]
    assert labels == ["LABELS", "rack=a", "rack=a,reflector", "rack=b"]


def test_what_is_not_known_is_a_question_mark(tmp_path: Path) -> None:
    """A selector that is none, and a NodePlan without a plan."""
    (tmp_path / "a.yaml").write_text(
        "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: x}\nspec: {nodeSelector: 'a =='}\n---\n"
        "apiVersion: bgpctl.io/v1alpha1\nkind: NodePlan\nmetadata: {name: y}\nspec: {node: y, digest: a}\n"
    )
    assert cells(get(tmp_path, "peers").stdout, last=False)[1] == ["x", "-", "-", "?", "a =="]
    plans = cells(get(tmp_path, "nodeplans", "-o", "wide").stdout, last=False)
    assert plans[1] == ["y", "-", "-", "a", "-", "-", "-", "-", "-", "?"]


# ------------------------------------------------------------------------------------------------ data


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_one_object_is_itself_and_several_are_a_list(resources: Path, form: str) -> None:
    read = yaml.safe_load if form == "yaml" else json.loads
    tor = next(plain(read_document(text).data) for _, text in split_documents(CLUSTER) if "name: tor" in text)
    assert read(get(resources, "bgppeer", "tor", "-o", form).stdout) == tor
    both = read(get(resources, "bgppeer", "tor", "workloads", "-o", form).stdout)
    assert (both["apiVersion"], both["kind"], both["items"][0]) == ("v1", "List", tor)
    assert read(get(resources, "bgppeers", "-l", "x", "-o", form).stdout)["items"] == []


def test_what_is_printed_can_be_applied(resources: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(get(resources, "peers,pools,nodes", "-o", "yaml").stdout)
    assert get(copy, "peers,pools,nodes", "-o", "yaml").stdout == copy.read_text()


def test_the_values_of_a_secret_never_show(resources: Path) -> None:
    for words in ("get all -o yaml", "get secrets -o json", "get secret bgp -o wide", "describe secret bgp"):
        done = run(*words.split(), "--resources", str(resources))
        assert "bgp" in done.stdout
        assert not any(each in done.stdout + done.stderr for each in PASSWORDS)


# ------------------------------------------------------------------------------------------------ what is wrong

WRONG = {
    "not there": ("bgppeer tor x", 1, "bgpctl: BGPPeer/x not found\n"),
    "no kind": ("pods", 2, "bgpctl: there is no kind 'pods' here; there are secrets, nodes,"),
    "nearly a kind": ("bgpper", 2, "bgpctl: there is no kind 'bgpper' here; did you mean bgppeer?\n"),
    "nothing of a kind": ("nodeplans", 0, "No resources found\n"),
    "selector and name": ("nodes a1 -l rack=a", 2, "bgpctl: a selector and names exclude each other\n"),
    "selector of Calico": ("nodes -l has(rack)", 2, "bgpctl: 'has(rack)' is no label selector: character 4"),
    "forms mixed": ("node/a1 b1", 2, "bgpctl: 'b1' is no KIND/NAME, and other forms cannot stand beside it\n"),
    "all with a name": ("all a1", 2, "bgpctl: 'all' takes no names: name the kind of 'a1'\n"),
    "both datastores": ("nodes --kubeconfig x", 2, "bgpctl: give a directory (--resources) or a cluster, not both\n"),
    "two clusters": ("nodes --kubeconfig x --in-cluster", 2, "bgpctl: give --kubeconfig or --in-cluster, not both\n"),
    "two namespaces": ("svc -A -n x", 2, "bgpctl: give --namespace or --all-namespaces, not both\n"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_shown_is_a_sentence(resources: Path, case: str) -> None:
    words, status, sentence = WRONG[case]
    done = get(resources, *words.split())
    assert (done.returncode, done.stderr[: len(sentence)]) == (status, sentence)


def test_what_is_not_there_may_be_no_error(resources: Path) -> None:
    done = get(resources, "bgppeer", "tor", "x", "--ignore-not-found", "-o", "name")
    assert (done.returncode, done.stdout, done.stderr) == (0, "bgppeer.projectcalico.org/tor\n", "")


def test_a_file_that_is_no_yaml_is_named_and_the_others_are_shown(resources: Path) -> None:
    (resources / "bad.yaml").write_text("{\n")
    done = get(resources, "peers", "--no-headers")
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 3)
    assert done.stderr.startswith(f"bgpctl: {resources}/bad.yaml:1: error: $: not YAML")


def test_the_directory_may_be_in_the_environment_or_in_the_file_of_the_agent(resources: Path, tmp_path: Path) -> None:
    without = run("get", "nodes", "-o", "name", BGPCTL_RESOURCES="", BGPCTL_CONFIG="")
    assert (without.returncode, without.stderr.startswith("bgpctl: give the datastore: --resources PATH")) == (2, True)
    named = run("get", "nodes", "-o", "name", BGPCTL_RESOURCES=str(resources))
    (tmp_path / "agent.yaml").write_text(f"node: a1\nresources: {resources}\n")
    configured = run("get", "nodes", "-o", "name", BGPCTL_RESOURCES="", BGPCTL_CONFIG=str(tmp_path / "agent.yaml"))
    assert named.stdout == configured.stdout == "node/a1\nnode/a2\nnode/b1\n"


def test_objects_may_come_from_standard_input() -> None:
    done = run("get", "peers", "--resources", "-", stdin=CLUSTER)
    assert cells(done.stdout, last=False) == cells(TABLES["peers"].rows, last=True)
    for words in ("get peers -w", "delete bgppeer tor"):
        done = run(*words.split(), "--resources", "-", stdin=CLUSTER)
        assert (done.returncode, done.stderr.startswith("bgpctl: standard input cannot be ")) == (2, True)


def test_who_reads_may_have_had_enough(tmp_path: Path) -> None:
    many = "---\n".join(CLUSTER.partition("---")[0].replace("a1", f"n{number}") for number in range(3000))
    (tmp_path / "nodes.yaml").write_text(many)
    command = f"{BGPCTL} get nodes --resources {tmp_path} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["NAME", "IPV4", "IPV6", "AS", "CLUSTER", "ID", "FILE", "141"], "")


def test_a_look_at_files_imports_nothing_heavy(resources: Path) -> None:
    program = (
        "import sys, bgpctl.cli\n"
        f"sys.argv = ['bgpctl', 'get', 'all', '--resources', {str(resources)!r}]\n"
        "bgpctl.cli.main()\n"
        f"print([each for each in {HEAVY!r} if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ------------------------------------------------------------------------------------------------ watching


def put(file: Path, text: str) -> None:
    """At once: a file that is half written is one with fewer objects."""
    (new := file.with_suffix(".new")).write_text(text)
    new.replace(file)


def test_a_line_for_each_change(resources: Path) -> None:
    file = resources / "cluster.yaml"
    with watching("get", "pools", "-w", "--output-watch-events", "--resources", str(resources)) as (process, lines):
        eventually(lambda: len(lines) == 3, "the table")
        put(file, CLUSTER.replace("10.245.0.0/16", "10.246.0.0/16"))
        eventually(lambda: len(lines) == 4, "a change")
        put(file, CLUSTER.replace("name: private", "name: other").replace("10.245.0.0/16", "10.246.0.0/16"))
        eventually(lambda: len(lines) == 6, "one that comes and one that goes")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert [line.rpartition(" ")[0] for line in lines] == [
        "EVENT NAME CIDR TUNNEL DISABLED EXPORTED",
        "ADDED pods 10.244.0.0/16 VXLANCrossSubnet false true",
        "ADDED private 10.245.0.0/16 IPIP true false",
        "MODIFIED private 10.246.0.0/16 IPIP true false",
        "ADDED other 10.246.0.0/16 IPIP true false",
        "DELETED private 10.246.0.0/16 IPIP true false",
    ]


def test_only_the_changes_as_documents(resources: Path) -> None:
    """What is written before it has begun to watch is no change."""
    numbers = iter(range(65002, 100_000))
    with watching("get", "bgppeer", "tor", "--watch-only", "-o", "json", "--resources", str(resources)) as (_, lines):

        def is_followed() -> bool:
            put(resources / "cluster.yaml", CLUSTER.replace("65001", str(next(numbers))))
            return "}" in lines

        eventually(is_followed, "a change is seen")
    changes = " ".join(lines)
    assert json.JSONDecoder().raw_decode(changes)[0]["spec"]["asNumber"] in range(65002, next(numbers))


def test_what_cannot_be_watched_ends(resources: Path) -> None:
    done = get(resources, "bgppeer", "x", "-w")
    assert (done.returncode, done.stderr) == (1, "bgpctl: BGPPeer/x not found\n")
    done = get(resources, "bgppeer/tor", "ipp/pods", "-w")
    assert (done.returncode, done.stderr) == (2, "bgpctl: name one kind, or several with commas, to watch them\n")
