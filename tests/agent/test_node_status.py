"""What a CalicoNodeStatus says, given what speaker and kernel say."""

import msgspec
import pytest
import yaml

from bgpctl.agent.node_status.asked import Asked, resource
from bgpctl.agent.node_status.status import NodeStatus, SpeakerFacts, node_status
from bgpctl.agent.node_status.text import as_yaml, renewed
from bgpctl.fib.kernel.forwarding import NextHop
from bgpctl.resources import parse_documents
from reflector.messages import PeerStatus, RouteStatus
from reflector.plan import RouteSource, SessionKind, SessionType

# 2026-01-02T03:04:05Z
BOOT = 1767323045.0
EVERYTHING = ("Agent", "BGP", "Routes")


def peer(name: str, address: str, kind: SessionKind = SessionKind.MESH, state: str = "Established") -> PeerStatus:
    return PeerStatus(name, address, 64512, "10.0.0.1", kind, SessionType.IBGP, rr_client=False, state=state, since=1.0)


def route(prefix: str, source: RouteSource = RouteSource.BGP, **fields: object) -> RouteStatus:
    values: dict[str, object] = {"next_hop": "10.0.0.2", "peer": "b", **fields}
    if source is not RouteSource.BGP:
        values |= {"next_hop": fields.get("next_hop", ""), "peer": ""}
    return RouteStatus(prefix, source=source, **values)  # type: ignore[arg-type]


PEERS = (
    peer("b", "10.0.0.2"),
    peer("c", "10.0.0.3", state="Opensent"),
    peer("tor", "10.0.0.254", SessionKind.GLOBAL),
    peer("tor6", "fd00::254", SessionKind.NODE, "Idle"),
    peer("pod", "10.64.0.5", SessionKind.WORKLOAD),
)


def speaker(**fields: object) -> SpeakerFacts:
    values: dict[str, object] = {
        "booted_at": BOOT,
        "configured_at": BOOT + 60,
        "router_id": "10.0.0.1",
        "peers": PEERS,
        "changed_at": {each.name: BOOT + 5 for each in PEERS},
    }
    return SpeakerFacts(**(values | fields))  # type: ignore[arg-type]


def reported(*classes: str, **fields: object) -> dict[str, object]:
    """The status under its YAML names."""
    return builtins(node_status(classes, "bgpctl 1", speaker(**fields)))


def builtins(status: NodeStatus) -> dict[str, object]:
    """As YAML and JSON have it, with lists."""
    found: dict[str, object] = msgspec.json.decode(msgspec.json.encode(status))
    return found


def test_the_agent_class_has_the_speaker_for_both_families() -> None:
    daemon = {
        "state": "Ready",
        "version": "bgpctl 1",
        "routerID": "10.0.0.1",
        "lastBootTime": "2026-01-02T03:04:05Z",
        "lastReconfigurationTime": "2026-01-02T03:05:05Z",
    }
    assert reported("Agent") == {"agent": {"birdV4": daemon, "birdV6": daemon}}


def test_a_speaker_with_an_older_plan_was_configured_when_it_started() -> None:
    status = node_status(["Agent"], "bgpctl 1", speaker(configured_at=BOOT - 1000))
    assert status.agent is not None
    assert status.agent.bird_v4.last_reconfiguration_time == "2026-01-02T03:04:05Z"


def test_the_bgp_class_counts_and_lists_sessions_by_family() -> None:
    since = "2026-01-02T03:04:10Z"
    assert reported("BGP") == {
        "bgp": {
            "numberEstablishedV4": 2,
            "numberNotEstablishedV4": 1,
            "numberEstablishedV6": 0,
            "numberNotEstablishedV6": 1,
            "peersV4": [
                {"peerIP": "10.0.0.2", "type": "NodeMesh", "state": "Established", "since": since},
                {"peerIP": "10.0.0.3", "type": "NodeMesh", "state": "OpenSent", "since": since},
                {"peerIP": "10.0.0.254", "type": "GlobalPeer", "state": "Established", "since": since},
            ],
            "peersV6": [{"peerIP": "fd00::254", "type": "NodePeer", "state": "Idle", "since": since}],
        }
    }


BLOCK, BGP = RouteSource.BLOCK, RouteSource.BGP


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (route("10.64.1.0/26"), "FIB 10.64.1.0/26 10.0.0.2 wire NodeMesh 10.0.0.2"),
        (route("10.64.9.0/26"), "FIB 10.64.9.0/26 10.0.0.2 - NodeMesh 10.0.0.2"),
        (route("10.64.2.0/26", peer="tor"), "FIB 10.64.2.0/26 10.0.0.9 eth0 BGPPeer 10.0.0.254"),
        (route("10.64.3.0/26", next_hop="10.0.0.3"), "FIB 10.64.3.0/26 10.0.0.3 eth1 NodeMesh 10.0.0.2"),
        (route("10.64.4.0/26"), "FIB 10.64.4.0/26 N/A unreachable NodeMesh 10.0.0.2"),
        (route("10.64.1.0/26", peer="tor", selected=False), "RIB 10.64.1.0/26 10.0.0.2 - BGPPeer 10.0.0.254"),
        (route("10.64.7.0/26", peer="pod"), "FIB 10.64.7.0/26 10.0.0.2 - BGPPeer 10.64.0.5"),
        (route("10.64.0.0/26", BLOCK), "FIB 10.64.0.0/26 N/A blackhole Static -"),
        (route("10.96.0.0/12", RouteSource.SERVICE), "FIB 10.96.0.0/12 N/A blackhole Static -"),
        (route("10.9.0.1/32", RouteSource.STATIC, next_hop="10.0.0.7"), "FIB 10.9.0.1/32 10.0.0.7 - Static -"),
        (route("10.64.0.1/32", RouteSource.KERNEL, interface="cali1"), "FIB 10.64.0.1/32 N/A cali1 Kernel -"),
        (route("10.0.0.0/24", RouteSource.DIRECT, interface="eth0"), "FIB 10.0.0.0/24 N/A eth0 Direct -"),
    ],
)
def test_the_routes_class_says_of_each_route_where_it_leads_and_where_it_came_from(
    known: RouteStatus, line: str
) -> None:
    forwarding = {
        "10.64.1.0/26": (NextHop("10.0.0.2", "wire"),),
        "10.64.2.0/26": (NextHop("10.0.0.9", "eth0"),),
        "10.64.3.0/26": (NextHop("10.0.0.2", "eth0"), NextHop("10.0.0.3", "eth1")),
    }
    status = node_status(
        ["Routes"], "", speaker(routes=(known,), forwarding=forwarding, unresolved=frozenset({"10.64.4.0/26"}))
    )
    assert status.routes is not None
    (part,) = status.routes.routes_v4
    learned_from = part.learned_from
    words = (part.type, part.destination, part.gateway, part.interface, learned_from.source_type, learned_from.peer_ip)
    assert " ".join(word or "-" for word in words) == line


def test_routes_are_listed_by_family() -> None:
    status = node_status(["Routes"], "", speaker(routes=(route("10.64.1.0/26"), route("fd64::/122", BLOCK))))
    assert status.routes is not None
    assert [each.destination for each in status.routes.routes_v4] == ["10.64.1.0/26"]
    assert [each.destination for each in status.routes.routes_v6] == ["fd64::/122"]


def test_only_the_classes_that_are_asked_for_are_there() -> None:
    assert reported("Agent", "Routes").keys() == {"agent", "routes"}
    assert reported(*EVERYTHING).keys() == {"agent", "bgp", "routes"}


def test_without_a_speaker_nothing_is_ready_and_nothing_is_known() -> None:
    status = builtins(node_status(EVERYTHING, "bgpctl 1", None))
    assert status == {
        "agent": {"birdV4": {"state": "NotReady"}, "birdV6": {"state": "NotReady"}},
        "bgp": {
            "numberEstablishedV4": 0,
            "numberNotEstablishedV4": 0,
            "numberEstablishedV6": 0,
            "numberNotEstablishedV6": 0,
        },
        "routes": {},
    }


# ------------------------------------------------------------------------------------------------ as text

ASKED = Asked("status-of-a", "a", EVERYTHING, 10)


def status_now() -> NodeStatus:
    return node_status(EVERYTHING, "bgpctl 1", speaker(routes=(route("10.64.1.0/26"), route("10.64.0.0/26", BLOCK))))


def test_the_yaml_is_a_resource_that_is_understood() -> None:
    text = as_yaml([resource(ASKED, status_now())])
    understood = parse_documents([("status.yaml", text)])
    assert understood.problems == ()
    found = understood.resources.node_statuses["status-of-a"]
    assert (found.spec.node, found.spec.classes, found.spec.update_period_seconds) == ("a", EVERYTHING, 10)
    assert yaml.safe_load(text)["status"] == builtins(status_now())


def test_a_text_is_renewed_only_when_it_says_something_else() -> None:
    first = renewed("", ASKED, status_now(), "2026-01-02T03:04:05Z")
    assert first is not None
    assert renewed(first, ASKED, status_now(), "2026-01-02T03:09:09Z") is None
    other = msgspec.structs.replace(status_now(), routes=None)
    second = renewed(first, ASKED, other, "2026-01-02T03:09:09Z")
    assert second is not None
    assert yaml.safe_load(second)["status"]["lastUpdated"] == "2026-01-02T03:09:09Z"
    assert renewed(first, msgspec.structs.replace(ASKED, period=20), status_now(), "2026-01-02T03:09:09Z") is not None
