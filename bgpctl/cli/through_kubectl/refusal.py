"""What kubectl writes when it fails, as one sentence that says what to do."""

from __future__ import annotations

import re

ROLE = "bgpctl-operator-diagnose"
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "[^"]*"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
# What a bgpctl of before this command says of it.
_NO_COMMAND = re.compile(r"No such command 'connect'")
_LONGEST = 400


def reason_of(text: str) -> str:
    """Of its standard error; "" where it has written nothing."""
    if found := _FORBIDDEN.search(text):
        where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
        lacking = f"{found['user']} may not {found['verb']} {found['resource']}{where}"
        return f"{lacking}; the role {ROLE} has that verb, and an administrator binds it"
    if _NO_COMMAND.search(text):
        return "the bgpctl of its pod has no command `connect`: it is of an older version"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("command terminated", "Defaulted container"))]
    return " ".join(own or lines)[-_LONGEST:]
