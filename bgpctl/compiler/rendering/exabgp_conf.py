"""exabgp.conf: the sessions of a plan in ExaBGP's words.

ExaBGP only brings sessions up; at Established it hands them to our engine. So the file asks it for no routes, no
API process and no RIB of its own, and `manual-eor` keeps it from sending an End-of-RIB that the engine has to time.
Where to accept connections travels in ExaBGP's environment: a `listen` here would open one socket per neighbour.

Facts of ExaBGP 5.0 that shape what is written:
- its tokeniser undoes backslashes before it looks for quotes, so no escape can protect a quote: keys go as base64;
- `graceful-restart 0` means "the hold time" to it: a restart time of zero is written as no graceful restart;
- with route refresh and no adj-rib-out it warns once per neighbour and turns adj-rib-out on: it is written as on,
  and stays empty;
- `incoming-ttl` is the smallest TTL it accepts, so GTSM over n hops (RFC 5082) is 256 - n;
- it refuses a file of comments alone ("no data"): a node without sessions gets an empty template.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from reflector.plan import NodePlan, Password, SessionPlan

FAMILY_NAME = {4: "ipv4 unicast", 6: "ipv6 unicast"}
GTSM_TTL = 255
HIDDEN = "hidden"
NO_SESSIONS = "\ntemplate {\n}\n"


def render_exabgp_conf(plan: NodePlan, *, hide_passwords: bool = False) -> str:
    """The whole file, its neighbours in the order of the plan. With `hide_passwords` it is for people to read:
    ExaBGP would take it, and no session with a password would come up."""
    header = f"# node {plan.node}: written from its plan, changes here are lost\n"
    return header + ("".join(_neighbor(plan, session, hide_passwords) for session in plan.sessions) or NO_SESSIONS)


def _neighbor(plan: NodePlan, session: SessionPlan, hide_passwords: bool) -> str:
    lines = [f"\nneighbor {session.peer_address} {{"]
    lines += [f"    {line};" for line in _settings(plan, session, hide_passwords)]
    lines += ["    family {", *(f"        {FAMILY_NAME[family]};" for family in session.families), "    }"]
    lines += ["    capability {", *(f"        {line};" for line in _capabilities(session)), "    }"]
    lines += ["}", ""]
    return "\n".join(lines)


def _settings(plan: NodePlan, session: SessionPlan, hide_passwords: bool) -> Iterator[str]:
    yield f"router-id {plan.router_id}"
    yield f"local-address {session.local_address or 'auto'}"
    yield f"local-as {session.local_as}"
    yield f"peer-as {session.peer_as}"
    yield f"hold-time {session.hold_time}"
    yield f"passive {_boolean(session.passive)}"
    yield f"connect {session.peer_port}"
    if session.ttl_security:
        yield f"outgoing-ttl {GTSM_TTL}"
        yield f"incoming-ttl {GTSM_TTL + 1 - session.ttl_security}"
    if session.password is not None:
        yield f"md5-password {HIDDEN if hide_passwords else _key(session.password)}"
        yield f"md5-base64 {_boolean(not hide_passwords)}"
    yield "adj-rib-in false"
    yield "adj-rib-out true"
    yield "manual-eor true"


def _capabilities(session: SessionPlan) -> Iterator[str]:
    yield "asn4 enable"
    yield "route-refresh enable"
    yield "extended-message enable"
    yield f"graceful-restart {session.restart_time or 'disable'}"
    yield f"add-path {'send/receive' if session.add_path else 'disable'}"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _key(password: Password) -> str:
    return b64encode(password.secret.encode()).decode("ascii")
