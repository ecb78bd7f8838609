"""What the API server takes and refuses with our copies of Calico's definitions, beside what the validator says.

Asked with strict validation of fields, as kubectl asks; nothing is stored. Calico's own cases come from the file that
CALICO_VALIDATOR names, or from the shared case files beside this repository (tests/conformance).
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mutants
import pytest
import yaml
from crd_copies import server_with_copies
from pydantic import BaseModel
from strict_client import PLURALS, StrictClient

from bgpctl.kubernetes_schema import SERVED_KINDS
from bgpctl.resources import parse_documents
from bgpctl.resources.values.rules import RuledValue
from bgpctl.yaml_source.problem import Severity
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("CALICO_VALIDATOR") or ROOT.parent / "shared" / "calico" / "validator.json")
CALICO = "projectcalico.org/v3"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_copies(api_server_network, tmp_path_factory.mktemp("copies")) as server:
        yield server


@pytest.fixture
def client(api_server: ApiServer, tmp_path: Path) -> Iterator[StrictClient]:
    asking = StrictClient(api_server, tmp_path)
    yield asking
    asking.close()


def resource(kind: str, spec: Document, name: str = "default", **metadata: Any) -> Document:
    return {"apiVersion": CALICO, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def codes(document: Document) -> set[str]:
    """Of the errors that the validator finds."""
    problems = parse_documents([("case.json", json.dumps(document))]).problems
    return {problem.code for problem in problems if problem.severity is Severity.ERROR}


# ------------------------------------------------------------------------------------------------ who refuses what


class Difference(NamedTuple):
    """`code` of the validator; "" for what it lets through."""

    code: str
    why: str
    document: Document


# An API server takes these, and the validator does not.
ONLY_THE_VALIDATOR = (
    Difference(
        "missing-filter",
        "about another object",
        resource("BGPPeer", {"peerIP": "192.0.2.1", "filters": ["absent"]}),
    ),
    Difference(
        "unknown-community",
        "the names of 500 communities, compared with 50 of each of 500 networks, cost more than a rule of CEL may",
        resource(
            "BGPConfiguration",
            {
                "communities": [{"name": "rack", "value": "64512:1"}],
                "prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["absent"]}],
            },
        ),
    ),
    Difference(
        "bad-selector",
        "whether parentheses match is beyond a regular expression",
        resource("BGPPeer", {"peerIP": "192.0.2.1", "nodeSelector": "((all())"}),
    ),
    Difference(
        "not-a-duration",
        "a pattern does not add up: this is longer than any duration",
        resource("BGPPeer", {"peerIP": "192.0.2.1", "keepaliveTime": "99999999h"}),
    ),
    Difference(
        "bad-annotation",
        "annotations are text to an API server",
        resource("BGPPeer", {"peerIP": "192.0.2.1"}, annotations={"bgpctl.io/hold-time": "soon"}),
    ),
    Difference(
        "misplaced-annotation",
        "annotations are text to an API server",
        resource("IPPool", {"cidr": "10.0.0.0/8"}, annotations={"bgpctl.io/hold-time": "30s"}),
    ),
    Difference(
        "unknown-annotation",
        "annotations are text to an API server",
        resource("BGPPeer", {"peerIP": "192.0.2.1"}, annotations={"bgpctl.io/hold-tim": "30s"}),
    ),
)
# The validator takes these, and an API server does not.
ONLY_THE_API_SERVER = (
    Difference("", "Calico's schema has numbers only", resource("BGPPeer", {"asNumber": "65001"})),
    Difference(
        "", "CEL knows no IPv4 addresses inside IPv6", resource("BGPPeer", {"peerIP": "::ffff:192.0.2.1"})
    ),
    Difference(
        "",
        "the cost of a rule is that of the longest list",
        resource("BGPFilter", {"exportV4": [{"action": "Accept"}] * 1001}),
    ),
    Difference(
        "", "text is not made of numbers", resource("IPPool", {"cidr": "10.0.0.0/8"}, labels={"rack": 1})
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", ONLY_THE_VALIDATOR, ids=lambda case: case.code)
def test_only_the_validator_refuses(client: StrictClient, case: Difference) -> None:
    assert codes(case.document) == {case.code}
    assert client.refusal(case.document) == ""


@pytest.mark.parametrize("case", ONLY_THE_API_SERVER, ids=lambda case: case.why)
def test_only_the_api_server_refuses(client: StrictClient, case: Difference) -> None:
    assert codes(case.document) == set()
    assert client.refusal(case.document) != ""


# ------------------------------------------------------------------------------------------------ rules

# A resource that breaks it, for each rule.
RULE_V4 = {"action": "Accept", "cidr": "10.0.0.0/8", "matchOperator": "In"}
TWO_OPERATIONS = {"addCommunity": {"value": "64512:1"}, "setPriority": {"value": 1}}
SECRET = {"secretKeyRef": {"name": "bgp", "key": "mesh"}}
BROKEN: tuple[tuple[str, Document], ...] = (
    ("BGPPeer", {"node": "a", "nodeSelector": "all()"}),
    ("BGPPeer", {"peerIP": "192.0.2.1", "peerSelector": "all()"}),
    ("BGPPeer", {"peerSelector": "all()", "asNumber": 64512}),
    ("BGPPeer", {"localWorkloadSelector": "all()", "asNumber": 64512, "peerIP": "192.0.2.1"}),
    ("BGPPeer", {"localWorkloadSelector": "all()", "peerSelector": "all()"}),
    ("BGPPeer", {"localWorkloadSelector": "all()", "asNumber": 0}),
    ("BGPPeer", {"reachableBy": "192.0.2.254"}),
    ("BGPPeer", {"reachableBy": "192.0.2.254", "peerIP": "2001:db8::1"}),
    ("BGPPeer", {"reachableBy": "2001:db8::254", "peerIP": "192.0.2.1:1790"}),
    ("BGPPeer", {"reachableBy": "192.0.2.254", "peerIP": "[2001:db8::1]:1790"}),
    ("BGPPeer", {"keepOriginalNextHop": True, "nextHopMode": "Keep"}),
    ("BGPConfiguration", {"nodeToNodeMeshEnabled": False, "nodeMeshPassword": SECRET}),
    ("BGPConfiguration", {"nodeToNodeMeshEnabled": False, "nodeMeshMaxRestartTime": "2m"}),
    ("BGPConfiguration", {"communities": [{"name": "rack", "value": "64512:1"}]}),
    ("BGPConfiguration", {"prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["rack"]}]}),
    ("BGPFilter", {"exportV4": [RULE_V4, {"action": "Accept", "cidr": "10.0.0.0/8"}]}),
    ("BGPFilter", {"importV6": [{"action": "Accept", "matchOperator": "In"}]}),
    ("BGPFilter", {"importV4": [{"action": "Accept", "prefixLength": {"min": 8}}]}),
    ("BGPFilter", {"importV4": [{"action": "Reject", "operations": [{"setPriority": {"value": 1}}]}]}),
    ("BGPFilter", {"importV4": [{"action": "Accept", "operations": [TWO_OPERATIONS]}]}),
    ("BlockAffinity", {"node": "a", "cidr": "10.48.0.0/26", "deleted": True}),
    ("IPPool", {"cidr": "169.254.0.0/20"}),
    ("IPPool", {"cidr": "168.0.0.0/7"}),
    ("IPPool", {"cidr": "fe80::/64"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "ipipMode": "Always", "vxlanMode": "CrossSubnet"}),
    ("IPPool", {"cidr": "fd10::/64", "ipipMode": "Always"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "blockSize": 19}),
    ("IPPool", {"cidr": "fd10::/64", "blockSize": 64}),
    ("IPPool", {"cidr": "10.48.0.0/27"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "nodeSelector": "has(a) || global()"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "namespaceSelector": "global()"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "allowedUses": ["LoadBalancer", "Workload"]}),
    ("IPPool", {"cidr": "10.48.0.0/16", "allowedUses": ["LoadBalancer"], "vxlanMode": "Always"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "allowedUses": ["LoadBalancer"], "disableBGPExport": True}),
    ("IPPool", {"cidr": "10.48.0.0/16", "allowedUses": ["LoadBalancer"], "nodeSelector": "has(a)"}),
    ("IPPool", {"cidr": "10.48.0.0/16", "allowedUses": ["Tunnel"], "namespaceSelector": "has(a)"}),
)
CIDRS = [{"cidr": "10.96.0.0/16"}]
ONLY_IN_DEFAULT: tuple[Document, ...] = (
    {"asNumber": 64512},
    {"nodeMeshMaxRestartTime": "2m"},
    {"nodeMeshPassword": SECRET},
    {"nodeToNodeMeshEnabled": True},
    {"serviceClusterIPs": CIDRS},
    {"serviceExternalIPs": CIDRS},
    {"serviceLoadBalancerIPs": CIDRS},
)
BREAKING = (
    *(resource(kind, spec) for kind, spec in BROKEN),
    *(resource("BGPConfiguration", spec, "node.a") for spec in ONLY_IN_DEFAULT),
)


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for part in mutants.models_in(field.annotation):
            yield from models_in(part)


RULED = {model for kind in SERVED_KINDS for model in models_in(kind.model) if issubclass(model, RuledValue)}
MESSAGES = {rule.message for model in RULED for rule in model.RULES}


def broken_rules(document: Document) -> set[str]:
    """The messages of the rules that the validator finds broken."""
    problems = parse_documents([("case.json", json.dumps(document))]).problems
    return {problem.message for problem in problems} & MESSAGES


@pytest.mark.parametrize("document", BREAKING, ids=lambda each: f"{each['kind']}-{'-'.join(each['spec'])}")
def test_broken_rule_is_refused_in_the_same_words(client: StrictClient, document: Document) -> None:
    refusal = client.refusal(document)
    assert broken_rules(document)
    assert [message for message in broken_rules(document) if f"Invalid value: {message}" not in refusal] == []


def test_no_rule_is_left_out() -> None:
    assert set().union(*map(broken_rules, BREAKING)) == MESSAGES


# ------------------------------------------------------------------------------------------------ Calico's cases

# Description of the case -> the code by which the validator refuses what the API server takes; why: the table above.
NOT_REFUSED = {
    "prefixAdvertisement referencing undefined community fails": "unknown-community",
}


def cases() -> list[Any]:
    if not CASES.is_file():
        reason = f"no case file at {CASES}; name one in CALICO_VALIDATOR"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="no-case-file")]
    vectors = json.loads(CASES.read_text())["vectors"]
    # A Node is not served under Calico's group.
    return [pytest.param(case, id=f"{i}-{case['kind']}") for i, case in enumerate(vectors) if case["kind"] in PLURALS]


@pytest.mark.conformance
@pytest.mark.parametrize("case", cases())
def test_calicos_case_is_judged_as_calico_judges_it(client: StrictClient, case: Document) -> None:
    valid = case["valid"] and not case.get("crd_schema_violations")
    refusal = client.refusal(case["object"])
    if case["description"] in NOT_REFUSED:
        assert (valid, refusal, codes(case["object"])) == (False, "", {NOT_REFUSED[case["description"]]})
    else:
        assert (refusal == "") == valid, (case["description"], case["object"]["spec"], refusal)


# ------------------------------------------------------------------------------------------------ our own resources


def written_resources() -> list[Any]:
    """Files of the labs and samples that have one of these kinds, each with these resources."""
    found = []
    for file in sorted((*ROOT.glob("labs/*/resources/**/*.y*ml"), *ROOT.glob("config/samples/*.y*ml"))):
        documents = [each for each in yaml.safe_load_all(file.read_text()) if each]
        if ours := [each for each in documents if each["apiVersion"] == CALICO and each["kind"] in PLURALS]:
            found.append(pytest.param(ours, id=str(file.relative_to(ROOT))))
    return found


@pytest.mark.parametrize("documents", written_resources())
def test_resources_of_labs_and_samples_are_taken(client: StrictClient, documents: list[Document]) -> None:
    for document in documents:
        assert client.refusal(document) == "", document


# ------------------------------------------------------------------------------------------------ mutants

MUTANTS = int(os.environ.get("CRD_MUTANTS", "400"))
SEED = "schema"


def mutated(number: int) -> Document:
    """A resource with one mistake in its spec. Mutant `number` is always the same one."""
    chance = random.Random(f"{SEED}/{number}")  # noqa: S311  it has to be the same each time
    originals = [each for each in mutants.documents() if each["apiVersion"] == CALICO and each["kind"] in PLURALS]
    document: Document = copy.deepcopy(chance.choice(originals))
    absent = [place for place in mutants.absent_places(document) if place[0] is not document["metadata"]]
    inside = [(holder, key) for holder, key in absent if "apiVersion" not in holder and "name" not in holder]
    holder, key = chance.choice([*mutants.places_in(document["spec"]), *inside])
    chance.choice(mutants.MUTATIONS)(chance, holder, key)
    return document


def is_json(document: Document) -> bool:
    """Without what JSON has no number or text for, and without 0.0, which is a whole number to an API server."""
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, UnicodeEncodeError):
        return False
    return len(text) < 200_000 and "0.0" not in text.replace("10.0.0", "")


EXPLAINED = {case.code for case in ONLY_THE_VALIDATOR}
# In words of the API server's refusal, the first and second of ONLY_THE_API_SERVER, and annotations that are numbers.
EXPLAINED_REFUSALS = ('must be of type integer: "string"', "::ffff:", "of type string")


def test_mutant_is_refused_by_both_or_taken_by_both(
    client: StrictClient, record_property: Callable[[str, object], None]
) -> None:
    counts = {"taken": 0, "refused": 0, "explained": 0}
    for number in range(MUTANTS):
        document = mutated(number)
        if not is_json(document):
            continue
        found, refusal = codes(document), client.refusal(document)
        if bool(found) == bool(refusal):
            counts["refused" if found else "taken"] += 1
            continue
        counts["explained"] += 1
        explained = found <= EXPLAINED if found else any(words in refusal for words in EXPLAINED_REFUSALS)
        assert explained, (number, document, found, refusal)
    for name, count in counts.items():
        record_property(name, count)
    assert counts["taken"] > MUTANTS // 50
    assert counts["refused"] > MUTANTS // 2
