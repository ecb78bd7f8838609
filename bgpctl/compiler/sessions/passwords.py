"""TCP-MD5 keys (RFC 2385) out of Secrets.

The rule, and it is the one place where we refuse what Calico does: a session that asks for a password never runs
without one. When the Secret or its key is missing the session is suppressed, with the reason, until it is there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bgpctl.configuration.compile_options import CompileOptions
from reflector.plan import Password

if TYPE_CHECKING:
    from bgpctl.resources.kinds.bgp_peer import BGPPassword
    from bgpctl.resources.kinds.kubernetes import Secret
    from bgpctl.resources.resource_set import ResourceSet

# Control and format characters.
ODD_CATEGORIES = frozenset({"Cc", "Cf"})
NAMES = {"\n": "line break", "\r": "carriage return", "\t": "tab", " ": "blank"}
# What the kernel takes: TCP_MD5SIG_MAXKEYLEN in linux/tcp.h.
MAX_KEY_OCTETS = 80


class PasswordMissingError(ValueError):
    """There is no key to protect the session with. Its text is a clause about what is missing."""


def find_password(wanted: BGPPassword, resources: ResourceSet, options: CompileOptions) -> Password:
    """The key that a BGPPeer or the mesh refers to. Raises PasswordMissingError."""
    reference = wanted.secret_key_ref
    if reference is None or not reference.name:
        raise PasswordMissingError("the password names no Secret")
    if options.keys_by_reference:
        return Password("", "/".join((options.secret_namespace, reference.name, reference.key)))
    return key_of(resources.secrets, options.secret_namespace, reference.name, reference.key)


def key_of(secrets: Mapping[tuple[str, str], Secret], namespace: str, name: str, key: str) -> Password:
    """This key of this Secret. Raises PasswordMissingError when it is not there, or not usable."""
    where = f"Secret {namespace}/{name}"
    secret = secrets.get((namespace, name))
    if secret is None:
        raise PasswordMissingError(f"{where} does not exist")
    text = secret.value(key)
    if text is None:
        raise PasswordMissingError(f"{where} has no key {key!r}")
    return _usable(text, f"key {key!r} of {where}")


def odd_character(password: Password) -> str:
    """The first character of the key that no person types into a router, in words; "" without one. Blanks count: they
    are part of the key, and rarely meant."""
    text = password.secret
    for place, character in enumerate(text):
        if character.isspace() or unicodedata.category(character) in ODD_CATEGORIES:
            where = "at its end" if place == len(text) - 1 else f"at place {place + 1}"
            name = NAMES.get(character) or unicodedata.name(character, "").lower() or f"U+{ord(character):04X}"
            return f"a {name} {where}"
    return ""


def _usable(text: str, what: str) -> Password:
    try:
        octets = len(text.encode())
    except UnicodeEncodeError:
        raise PasswordMissingError(f"{what} is not UTF-8 text") from None
    if not octets:
        raise PasswordMissingError(f"{what} is empty")
    if octets > MAX_KEY_OCTETS:
        raise PasswordMissingError(f"{what} is {octets} octets long, TCP-MD5 takes {MAX_KEY_OCTETS}")
    return Password(text)
