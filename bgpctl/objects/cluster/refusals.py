"""What the API server refuses, as a sentence that says what to do: which verb of which resource a role lacks, whose
field it is, that an object is another one by now.
"""

from __future__ import annotations

import re

from bgpctl.kubernetes.failure import Cause, Failure
from bgpctl.kubernetes.kinds import ApiKind

# Causes that concern every request, not one kind.
OF_THE_SERVER = frozenset({Cause.UNREACHABLE, Cause.UNAUTHORIZED})
# As the authorizers of Kubernetes word it.
_FORBIDDEN = re.compile(
    r'(?P<user>User "[^"]*") cannot (?P<verb>\w+) resource "(?P<plural>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
_OWNED = "Apply failed with"
# An object that is not there is named; a kind that is not served is not.
_NOT_SERVED = ("could not find the requested resource", "page not found")


def sentence(failure: Failure, verb: str, kind: ApiKind, what: str = "") -> str:
    """`verb` is what was asked for, where the API server does not name another one; `what` is the object."""
    subject = f"{what}: " if what else ""
    if failure.cause is Cause.FORBIDDEN:
        return subject + _forbidden(failure, verb, kind)
    if failure.cause is Cause.CONFLICT:
        return subject + _conflict(failure)
    if is_not_served(failure):
        return f"{subject}the API server has no {kind.resource}; are its definitions installed?"
    if failure.cause is Cause.UNAVAILABLE:
        return f"{subject}the API server is not ready for this at the moment: {failure}"
    return f"{subject}the API server refuses it: {failure}"


def is_not_served(failure: Failure) -> bool:
    return failure.cause is Cause.ABSENT and any(each in failure.message for each in _NOT_SERVED)


def _forbidden(failure: Failure, verb: str, kind: ApiKind) -> str:
    found = _FORBIDDEN.search(failure.message)
    if found is None:
        return f"the API server refuses to {verb} {kind.resource}: {failure}"
    resource = f"{found['plural']}.{found['group']}" if found["group"] else found["plural"]
    where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
    return (
        f"the API server refuses to {found['verb']} {resource}{where}; {found['user']} needs a role with the verb "
        f'{found["verb"]} for {found["plural"]} in the API group "{found["group"]}"'
    )


def _conflict(failure: Failure) -> str:
    if _OWNED in failure.message:
        owners = " ".join(failure.message.partition(_OWNED)[2].split())
        return f"somebody else has written these fields, {owners}; --force-conflicts takes them over"
    return "it was changed since it was read, and is not overwritten; look at it and repeat the command"
