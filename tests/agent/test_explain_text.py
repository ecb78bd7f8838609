"""What `bgpctl explain` prints: an engine's own explanation, line by line."""

from __future__ import annotations

from bgpctl.cli.explain import explain_lines
from reflector.messages import CandidateStatus, Explanation, ExportStatus
from reflector.plan import RouteSource

POD = "10.1.0.0/26"
EXPLANATION = Explanation(
    POD,
    candidates=(
        CandidateStatus(
            "to-b", "lost-med", RouteSource.BGP, "accepted by default",
            next_hop="10.0.0.2", local_pref=100, origin="IGP", med=7, as_path="65001", peer_node="b", stale=True,
        ),
        CandidateStatus("to-a", "best", RouteSource.BGP, "accepted by default", next_hop="10.0.0.1", local_pref=100,
                        origin="INCOMPLETE", med=5, as_path="65001", communities=("64512:7",), path_id=3),
        CandidateStatus("", "lost-local-route", RouteSource.KERNEL, "kernel route of eth0"),
    ),
    exports=(
        ExportStatus("to-b", "advertised", "accepted by default", next_hop="10.0.0.1", local_pref=100, as_path="65001",
                     peer_node="b", med=5),
        ExportStatus("many", "advertised", next_hop="10.0.0.1", local_pref=100, source="to-a", path_id=2),
        ExportStatus("many", "beyond-limit", source="", path_id=1),
        ExportStatus("tor", "export-rejected", "no policy accepts it"),
    ),
)  # fmt: skip


def test_every_route_with_its_fate_and_every_peer_with_what_it_is_told() -> None:
    assert (
        "\n".join(explain_lines(EXPLANATION, "rr1"))
        == """\
10.1.0.0/26 on rr1
  from to-a: best
      accepted by default
      next hop 10.0.0.1, LOCAL_PREF 100, AS_PATH 65001, ORIGIN INCOMPLETE, MED 5, path 3, communities 64512:7
  from to-b (b): not used: higher MULTI_EXIT_DISC, stale
      accepted by default
      next hop 10.0.0.2, LOCAL_PREF 100, AS_PATH 65001, MED 7
  of this node (kernel): not used: a route of this node is preferred
      kernel route of eth0
      no attributes
advertised to
  to-b (b): advertised (accepted by default)
      next hop 10.0.0.1, LOCAL_PREF 100, AS_PATH 65001, MED 5
  many, path 2 from to-a: advertised
      next hop 10.0.0.1, LOCAL_PREF 100
  many, path 1 of this node: beyond the session's add-path limit
  tor: rejected by an export policy (no policy accepts it)"""
    )


def test_a_prefix_that_nobody_has_names_the_one_around_it() -> None:
    lines = list(explain_lines(Explanation(POD, covered_by="10.0.0.0/8"), "rr1"))
    assert lines == [
        "10.1.0.0/26 on rr1",
        "  no peer has sent it and this node does not originate it; 10.0.0.0/8 covers it",
    ]
