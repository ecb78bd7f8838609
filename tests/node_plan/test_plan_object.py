"""A plan as an object: read back as it was, without a password, and small."""

from __future__ import annotations

import base64
import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from compiler_makers import bgp_filter, bgp_peer, configuration, node, secret
from msgspec.structs import replace

from bgpctl.compiler import CompileOptions, compile_cluster, compile_node
from bgpctl.datastore import read_directory
from bgpctl.node_plan import (
    Assignment,
    NodePlanSpec,
    PlanTooLargeError,
    UnreadablePlanError,
    assignment_of,
    references,
    spec_of,
    with_keys,
)
from bgpctl.node_plan.spec import MOST_OCTETS, MOST_READABLE, readable
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import NodePlan, Password, SessionKind, SessionPlan

LABS = sorted(Path(__file__).parents[2].glob("labs/*/resources"))
BY_REFERENCE = CompileOptions(keys_by_reference=True)
KEYED: dict[str, Any] = {"password": {"secretKeyRef": {"name": "bgp", "key": "rr"}}}


def through_the_api(spec: NodePlanSpec) -> NodePlanSpec:
    return msgspec.json.decode(msgspec.json.encode(spec), type=NodePlanSpec)


def reflector_plan(count: int, **fields: Any) -> NodePlan:
    sessions = tuple(
        SessionPlan(
            name=address,
            kind=SessionKind.NODE,
            peer_address=address,
            peer_as=64512,
            local_as=64512,
            families=(4,),
            local_address="10.0.0.1",
            peer_node=f"node-{number:05}.example",
            passive=number % 2 == 0,
            rr_client=True,
            export_policies=("export-4",),
            defined_by="BGPPeer 'to-reflectors'",
            **fields,
        )
        for number in range(count)
        for address in (f"10.{number >> 8}.{number & 255}.9",)
    )
    return NodePlan(node="rr", router_id="10.0.0.1", cluster_id="224.0.0.1", sessions=sessions)


@pytest.mark.parametrize("lab", LABS, ids=[each.parent.name for each in LABS])
def test_the_plans_of_a_lab_are_the_same_whether_the_keys_come_at_once_or_later(lab: Path) -> None:
    resources = read_directory(lab).resources
    direct = {each.plan.node: each.plan for each in compile_cluster(resources)}
    for compiled in compile_cluster(resources, BY_REFERENCE):
        read = assignment_of(through_the_api(spec_of(Assignment(compiled.plan)))).plan
        assert read == compiled.plan
        assert with_keys(read, resources.secrets) == direct[read.node]


def keyed_cluster(*more: Resource) -> ResourceSet:
    one = bgp_peer("one", peerIP="192.0.2.1", asNumber=65001, filters=["only"], **KEYED)
    other = bgp_peer("other", peerIP="192.0.2.2", asNumber=65001)
    only = bgp_filter("only", exportV4=[{"action": "Accept"}])
    return ResourceSet.of(one, other, only, node("n1", "10.0.0.1"), *more)


@pytest.mark.parametrize(
    "secrets",
    [(), (secret("bgp", {"other": "x"}),), (secret("bgp", {"rr": "hush"}),), (secret("bgp", {"rr": "x" * 81}),)],
    ids=["no Secret", "no key", "usable", "too long"],
)
def test_a_key_that_is_missing_suppresses_its_session_as_the_compiler_does(secrets: tuple[Resource, ...]) -> None:
    resources = keyed_cluster(*secrets)
    by_reference = compile_node(resources, "n1", BY_REFERENCE).plan
    assert references(by_reference) == {("kube-system", "bgp")}
    assert with_keys(by_reference, resources.secrets) == compile_node(resources, "n1").plan


def test_the_mesh_has_a_key_by_reference_as_well() -> None:
    mesh = configuration(nodeMeshPassword=KEYED["password"])
    resources = ResourceSet.of(mesh, node("n1", "10.0.0.1"), node("n2", "10.0.0.2"), secret("bgp", {"rr": "hush"}))
    by_reference = compile_node(resources, "n1", BY_REFERENCE).plan
    assert "hush" not in msgspec.json.encode(spec_of(Assignment(by_reference))).decode()
    assert with_keys(by_reference, resources.secrets) == compile_node(resources, "n1").plan


def test_a_plan_with_a_password_in_it_is_never_written_down() -> None:
    with pytest.raises(ValueError, match="the plan of rr has passwords in it"):
        spec_of(Assignment(reflector_plan(1, password=Password("hush"))))


def test_a_small_plan_is_readable_as_it_stands() -> None:
    spec = spec_of(Assignment(reflector_plan(3)), revision="r1")
    written = json.loads(msgspec.json.encode(spec))
    assert (written["node"], written["revision"], len(written["digest"])) == ("rr", "r1", 12)
    (group,) = written["plan"]["sessions"]
    assert [each["node"] for each in group["peers"]] == [f"node-{number:05}.example" for number in range(3)]
    assert group["shared"]["defined_by"] == "BGPPeer 'to-reflectors'"


def test_a_reflector_of_5000_sessions_fits_an_object_ten_times_over() -> None:
    plan = reflector_plan(5000)
    spec = through_the_api(spec_of(Assignment(plan)))
    assert len(msgspec.json.encode(spec)) < MOST_OCTETS // 10
    assert assignment_of(spec).plan == plan
    assert len(readable(spec)["sessions"][0]["peers"]) == 5000


def test_what_is_compressed_is_what_would_be_readable() -> None:
    small, large = (spec_of(Assignment(reflector_plan(count))) for count in (100, 1000))
    assert len(small.plan) <= MOST_READABLE
    assert (bytes(large.plan), bool(large.compressed)) == (b"", True)
    by_hand = json.loads(gzip.decompress(base64.b64decode(json.loads(msgspec.json.encode(large))["compressed"])))
    assert by_hand == readable(large)
    assert by_hand.keys() == readable(small).keys()


def test_sessions_with_names_of_their_own_come_back_with_them() -> None:
    plan = reflector_plan(3)
    named = replace(plan, sessions=(replace(plan.sessions[0], name="uplink"), *plan.sessions[1:]))
    assert assignment_of(spec_of(Assignment(named))).plan == named


def test_a_plan_that_fits_no_object_is_refused_with_what_to_do() -> None:
    plan = reflector_plan(1)
    (one,) = plan.sessions
    different = tuple(
        replace(one, name=each, peer_address=each, defined_by=sha256(str(number).encode()).hexdigest())
        for number in range(60_000)
        for each in (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",)
    )
    with pytest.raises(PlanTooLargeError, match="divide its 60,000 sessions between more reflectors"):
        spec_of(Assignment(replace(plan, sessions=different)))


GOOD = spec_of(Assignment(reflector_plan(2)))
BOMB = gzip.compress(b" " * (65 << 20))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (replace(GOOD, plan=msgspec.Raw(b"")), "neither `plan` nor `compressed`"),
        (replace(GOOD, plan=msgspec.Raw(b'{"plan": 3}')), "not readable"),
        (replace(GOOD, plan=msgspec.Raw(bytes(GOOD.plan).replace(b'"version":2', b'"version":9'))), "version 9"),
        (replace(GOOD, plan=msgspec.Raw(bytes(GOOD.plan).replace(b"64512", b"64513"))), "somebody has edited it"),
        (replace(GOOD, plan=msgspec.Raw(bytes(GOOD.plan).replace(b"10.0.0.9", b"10.0.0.x"))), "not readable"),
        (replace(GOOD, plan=msgspec.Raw(bytes(GOOD.plan).replace(b'"families"', b'"famines"'))), "famines"),
        (replace(GOOD, node="other"), "for node 'rr', not for 'other'"),
        (replace(GOOD, digest="0" * 12), "somebody has edited it"),
        (replace(GOOD, plan=msgspec.Raw(b""), compressed=b"no gzip"), "no gzip"),
        (replace(GOOD, plan=msgspec.Raw(b""), compressed=gzip.compress(bytes(GOOD.plan))[:-9]), "ends too early"),
        (replace(GOOD, plan=msgspec.Raw(b""), compressed=BOMB), "more than 67,108,864 octets"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(spec: NodePlanSpec, reason: str) -> None:
    with pytest.raises(UnreadablePlanError, match=reason):
        assignment_of(spec)
