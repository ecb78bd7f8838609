"""Settings: what annotations say of sessions and nodes, as one frozen value.

Rule: None is "not said here". What stands nearer to a session covers, field by field, what stands further away:
BGPPeer, then BGPConfiguration `node.<name>`, then BGPConfiguration `default`. The other end of a BGPPeer's session sees
the same settings, but for its role, which is the other half of the pair (RFC 9234 3).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from reflector.plan import Family, LimitAction, Role

# Who meets whom (RFC 9234 4.2): the only pairs of roles that make a session.
OTHER_ROLE = {
    Role.PROVIDER: Role.CUSTOMER,
    Role.CUSTOMER: Role.PROVIDER,
    Role.RS: Role.RS_CLIENT,
    Role.RS_CLIENT: Role.RS,
    Role.PEER: Role.PEER,
}


class PrefixLimit(NamedTuple):
    """At most so many routes of each family, 0 for as many as come, and what one more costs."""

    limit: int
    action: LimitAction = LimitAction.CEASE


class AddPath(NamedTuple):
    """Whether add-path is offered (RFC 7911), and at most how many paths of a prefix are sent; 0 for all."""

    offered: bool
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each annotation, named after it. Times are seconds."""

    maximum_prefixes: PrefixLimit | None = None
    maximum_prefixes_warning: int | None = None
    maximum_prefixes_restart: int | None = None
    role: Role | None = None
    role_strict: bool | None = None
    long_lived_stale_time: int | None = None
    add_path: AddPath | None = None
    hold_time: int | None = None
    families: tuple[Family, ...] | None = None
    cluster_id: str | None = None
    always_compare_med: bool | None = None
    resolve_next_hops: bool | None = None

    def over(self, other: Settings) -> Settings:
        """These, and what `other` says of all that these leave open."""
        if NOTHING_SAID in (self, other):
            return other if self == NOTHING_SAID else self
        said = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return replace(other, **said)

    def at_the_other_end(self) -> Settings:
        """As the other end of the session has to take them."""
        return replace(self, role=OTHER_ROLE[self.role]) if self.role is not None else self


NAMES = tuple(field.name for field in fields(Settings))
NOTHING_SAID = Settings()
