"""`bgpctl describe` of a directory: the fields, and what is around an object."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import here
from object_cases import CLUSTER

LAB = Path(__file__).parents[2] / "labs" / "quickstart" / "resources"


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    directory = tmp_path / "resources"
    directory.mkdir()
    (directory / "cluster.yaml").write_text(CLUSTER)
    return directory


def describe(resources: Path, *words: str) -> dict[str, list[str]]:
    """The paragraphs by their titles, each with its lines."""
    done = here("describe", *words, "--resources", resources)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if line[:1] != " ":
            title, _, rest = line.partition(":")
            found[title] = [rest.strip()] if rest.strip() else []
        else:
            found[title].append(line.strip())
    return found


def test_all_fields_and_what_is_around_them(resources: Path) -> None:
    assert describe(resources, "bgppeer", "tor") == {
        "Name": ["tor"],
        "Kind": ["BGPPeer (projectcalico.org/v3)"],
        "Labels": ["rack=a"],
        "Annotations": ["<none>"],
        "File": [f"{resources}/cluster.yaml:65"],
        "Spec": [
            "node: a1", "peerIP: 10.0.0.254", "asNumber: 65001", "filters:", "- no-default", "nextHopMode: Self",
            "password:", "secretKeyRef:", "name: bgp", "key: tor",
        ],
        "Nodes": ["a1 (1 of 3)"],
        "Suppressed": ["a1 to 10.0.0.254: BGPPeer tor: Secret kube-system/bgp does not exist"],
        "Refers to": [
            "BGPFilter/no-default (spec.filters)",
            "Node/a1 (spec.node)",
            "Secret/kube-system/bgp (spec.password.secretKeyRef)",
        ],
        "Referred by": ["<none>"],
        "Problems": [
            "warning: $.spec.password.secretKeyRef: Secret kube-system/bgp does not exist; sessions are suppressed "
            "until this is corrected [password-missing]"
        ],
    }  # fmt: skip


# What is described, and some paragraphs of it.
AROUND: dict[str, dict[str, list[str]]] = {
    "bgppeer reflected": {
        "Nodes": ["a1, a2, b1 (3 of 3)"],
        "Sessions": [
            "a1 to 10.0.0.2 (a2), AS 64512",
            "a2 to 10.0.0.1 (a1), AS 64513",
            "a2 to 10.0.0.3 (b1), AS 64512",
            "b1 to 10.0.0.2 (a2), AS 64512",
        ],
        "Refers to": [
            "Node/a1 (spec.nodeSelector)", "Node/b1 (spec.nodeSelector)", "Node/a2 (spec.peerSelector)",
        ],
        "Problems": ["<none>"],
    },
    "node a1": {
        "Nodes": ["a1, a2 (2 of 3)"],
        "Sessions": ["a1 to 10.0.0.2 (a2), AS 64512"],
        "Referred by": [
            "BGPPeer/reflected (spec.nodeSelector)",
            "BGPPeer/tor (spec.node)",
            "BlockAffinity/a1-block (spec.node)",
            "CalicoNodeStatus/a1 (spec.node)",
        ],
        "Labels": ["rack=a"],
        "Annotations": ["projectcalico.org/ASNumber: 64513", "projectcalico.org/IPv4Address: 10.0.0.1/24"],
    },
    "node a2": {
        "Referred by": ["BGPPeer/reflected (spec.peerSelector)"],
        "Problems": [
            "warning: $.spec.bgp.routeReflectorClusterID: the only reflector of b1: when it fails they get no routes; "
            "give them a second one [single-reflector]"
        ],
    },
    "bgpfilter no-default": {
        "Nodes": ["none of 3"],  # its session is suppressed
        "Referred by": ["BGPPeer/tor (spec.filters)"],
    },
    "ippool pods": {
        "Nodes": ["a1, a2, b1 (3 of 3)"],
        "Referred by": ["BlockAffinity/a1-block (spec.cidr)"],
    },
    "blockaffinity a1-block": {
        "Nodes": ["a1 (1 of 3)"],
        "Refers to": ["Node/a1 (spec.node)", "IPPool/pods (spec.cidr)"],
    },
    "secret bgp": {"Keys": ["tor: 9 octets"], "Type": ["Opaque"], "Annotations": ["<none>"], "Nodes": ["none of 3"]},
    "service web": {
        "Nodes": ["a1 (1 of 3)"],
        "Referred by": ["EndpointSlice/default/web-1 (metadata.labels['kubernetes.io/service-name'])"],
    },
    "caliconodestatus a1": {"Nodes": ["none of 3"], "Refers to": ["Node/a1 (spec.node)"]},
}  # fmt: skip


@pytest.mark.parametrize("words", AROUND)
def test_what_is_around_an_object(resources: Path, words: str) -> None:
    shown = describe(resources, *words.split())
    assert {title: shown[title] for title in AROUND[words]} == AROUND[words]


def test_a_secret_concerns_the_nodes_whose_sessions_have_its_password(resources: Path) -> None:
    text = CLUSTER.replace("name: bgp\n  namespace: default", "name: bgp\n  namespace: kube-system")
    (resources / "cluster.yaml").write_text(text)
    shown = describe(resources, "secret", "bgp", "-n", "kube-system")
    assert shown["Nodes"] == ["a1 (1 of 3)"]
    assert shown["Referred by"] == ["BGPPeer/tor (spec.password.secretKeyRef)"]


def test_an_invalid_object_is_shown_with_its_problems(resources: Path) -> None:
    (resources / "cluster.yaml").write_text(CLUSTER.replace("asNumber: 65001", "asNumbr: 65001"))
    shown = describe(resources, "bgppeer", "tor")
    assert shown["Nodes"] == ["none of 3"]
    assert shown["Problems"] == [
        "error: $.spec.asNumbr: there is no field 'asNumbr' here; did you mean 'asNumber'? [unknown-field]"
    ]


def test_several_objects_and_one_that_is_not_there(resources: Path) -> None:
    done = here("describe", "peers", "--resources", resources)
    assert [line for line in done.stdout.splitlines() if line.startswith("Name:")] == [
        f"Name:           {name}" for name in ("reflected", "tor", "workloads")
    ]
    done = here("describe", "bgppeer", "tor", "x", "--resources", resources)
    assert (done.returncode, done.stderr) == (1, "bgpctl: BGPPeer/x not found\n")
    assert here("describe", "peers", "-l", "rack=z", "--resources", resources).stderr == "No resources found\n"


def test_many_of_a_kind_are_counted(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(LAB, tmp_path / "resources"))
    text = (directory / "nodes.yaml").read_text()
    more = "".join(
        f"---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {{name: c{number}}}\n"
        f"spec: {{bgp: {{ipv4Address: 10.3.0.{number}/24}}}}\n"
        for number in range(1, 11)
    )
    (directory / "nodes.yaml").write_text(text + more)
    shown = describe(directory, "bgppeer", "nodes-to-reflectors")
    assert shown["Nodes"] == ["a1, a2, a3, b1, b2, b3, c1, c10, ... (18 of 18)"]
    assert shown["Sessions"][-1] == "and 56 more"
