"""What makes two ends of a session fit, one condition at a time."""

from __future__ import annotations

from typing import Any

import pytest

from bgpctl.guardrails.finding import CATALOGUE
from bgpctl.guardrails.sessions.agreement import Disagreement, SessionEnd, disagreement
from bgpctl.guardrails.sessions.both_ends import CODES
from reflector.plan import Password, Role, SessionKind, SessionPlan


def end(router_id: str = "10.0.0.1", listen_port: int = 179, **changes: Any) -> SessionEnd:
    given: dict[str, Any] = {
        "name": "s",
        "kind": SessionKind.NODE,
        "peer_address": "10.0.0.2",
        "peer_as": 64512,
        "local_as": 64512,
        "families": (4,),
    }
    return SessionEnd(SessionPlan(**(given | changes)), router_id, listen_port)


@pytest.mark.parametrize(
    ("here", "there", "reason"),
    [
        ({}, {}, None),
        ({"passive": True}, {}, None),
        ({"peer_as": 65001}, {"local_as": 65001}, None),
        ({"peer_as": 65001}, {}, Disagreement.AS_NUMBER),
        ({"local_as": 65001}, {}, Disagreement.AS_NUMBER),
        ({"passive": True}, {"passive": True}, Disagreement.BOTH_WAIT),
        ({"peer_port": 1790}, {}, None),
        ({"peer_port": 1790}, {"passive": True}, Disagreement.PORT),
        ({"peer_port": 1790}, {"passive": True, "listen_port": 1790}, None),
        ({"password": Password("a")}, {"password": Password("b")}, Disagreement.PASSWORD),
        ({"password": Password("a")}, {}, Disagreement.PASSWORD),
        ({"ttl_security": 1}, {}, Disagreement.TTL),
        ({"ttl_security": 1}, {"ttl_security": 2}, None),
        ({}, {"router_id": "10.0.0.1"}, Disagreement.ROUTER_ID),
        ({"peer_as": 65001}, {"local_as": 65001, "router_id": "10.0.0.1"}, None),
        ({"role": Role.CUSTOMER}, {"role": Role.PROVIDER}, None),
        ({"role": Role.RS}, {"role": Role.RS_CLIENT, "role_strict": True}, None),
        ({"role": Role.PEER}, {"role": Role.PEER}, None),
        ({"role": Role.CUSTOMER}, {"role": Role.CUSTOMER}, Disagreement.ROLE),
        ({"role": Role.PEER}, {"role": Role.PROVIDER}, Disagreement.ROLE),
        ({"role": Role.CUSTOMER}, {}, None),
        ({"role": Role.CUSTOMER, "role_strict": True}, {}, Disagreement.ROLE),
    ],
)
def test_two_ends_make_a_session_or_a_reason(
    here: dict[str, Any], there: dict[str, Any], reason: Disagreement | None
) -> None:
    mirrored = {"peer_as": here.get("local_as", 64512)} if reason is not Disagreement.AS_NUMBER else {}
    one, other = end(**here), end(**({"router_id": "10.0.0.2"} | mirrored | there))
    assert disagreement(one, other) is reason
    assert disagreement(other, one) is reason


def test_every_disagreement_of_two_running_ends_has_a_code() -> None:
    assert CODES.keys() == set(Disagreement) - {Disagreement.SUPPRESSED, Disagreement.FAMILY}
    assert {code for code, _ in CODES.values()} <= CATALOGUE.keys()
