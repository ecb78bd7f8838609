"""The passwords of a plan: the controller says where each is, the agent of the node reads it there.

Rule: a session that asks for a password never runs without one. A session whose key is missing, or not usable, is
suppressed with the reason, exactly as the compiler does it where it has the Secrets (sessions/passwords.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bgpctl.compiler.sessions.passwords import PasswordMissingError, key_of
from reflector.addresses import address_order
from reflector.plan import NodePlan, Password, SessionPlan, SuppressedSession

if TYPE_CHECKING:
    from bgpctl.resources.kinds.kubernetes import Secret

# Secrets by namespace and name.
PlanKeys = Mapping[tuple[str, str], "Secret"]


def references(plan: NodePlan) -> frozenset[tuple[str, str]]:
    """Namespace and name of every Secret that the plan asks for."""
    found = (each.password.reference for each in plan.sessions if each.password is not None and each.password.reference)
    return frozenset((namespace, name) for namespace, name, _ in map(_parts, found))


def with_keys(plan: NodePlan, secrets: PlanKeys) -> NodePlan:
    """The plan with the keys in place of what names them."""
    sessions: list[SessionPlan] = []
    suppressed = list(plan.suppressed)
    keys: dict[str, Password | str] = {}
    for session in plan.sessions:
        password = session.password
        if password is None or not password.reference:
            sessions.append(session)
            continue
        if password.reference not in keys:
            keys[password.reference] = _key(password.reference, secrets)
        match keys[password.reference]:
            case Password() as found:
                sessions.append(replace(session, password=found))
            case reason:
                text = f"{session.defined_by}: {reason}"
                suppressed.append(SuppressedSession(session.name, session.peer_address, text))
    asked = {name for each in sessions for name in (*each.import_policies, *each.export_policies)}
    return replace(
        plan,
        sessions=tuple(sessions),
        policies=tuple(each for each in plan.policies if each.name in asked),
        suppressed=tuple(sorted(suppressed, key=lambda each: (address_order(each.peer_address), each.name))),
    )


def without_key(plan: NodePlan, completed: NodePlan) -> tuple[SuppressedSession, ...]:
    """The sessions that `with_keys` has suppressed."""
    return tuple(each for each in completed.suppressed if each not in plan.suppressed)


def _key(reference: str, secrets: PlanKeys) -> Password | str:
    """The key, or a clause about what is missing."""
    try:
        return key_of(secrets, *_parts(reference))
    except PasswordMissingError as missing:
        return str(missing)


def _parts(reference: str) -> tuple[str, str, str]:
    """Namespace and name have no slash in them; the key has none either, but a plan may be edited."""
    namespace, _, rest = reference.partition("/")
    name, _, key = rest.partition("/")
    return namespace, name, key
