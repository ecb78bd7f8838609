"""Settings: what annotations set for sessions and nodes, as one frozen value.

Rule: None is "not set here". For each field the first of these that sets it is used: BGPPeer, BGPConfiguration
`node.<name>`, BGPConfiguration `default`; a field of Nodes is that Node's own. The other end of a BGPPeer's session has
the same settings, except for its role, which is the opposite one (RFC 9234 3).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from reflector.plan import Family, LimitAction, Role

# The only pairs of roles between which a session comes up (RFC 9234 4.2).
OTHER_ROLE = {
    Role.PROVIDER: Role.CUSTOMER,
    Role.CUSTOMER: Role.PROVIDER,
    Role.RS: Role.RS_CLIENT,
    Role.RS_CLIENT: Role.RS,
    Role.PEER: Role.PEER,
}


class PrefixLimit(NamedTuple):
    """At most so many routes of each family, 0 for no limit, and what one more costs."""

    limit: int
    action: LimitAction = LimitAction.CEASE


class AddPath(NamedTuple):
    """Whether add-path is offered (RFC 7911), and at most how many paths of a prefix are sent; 0 for all."""

    offered: bool
    limit: int = 0


class LossLimit(NamedTuple):
    """More than this percentage may not be lost without a confirmation; None for no limit."""

    percent: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each annotation, named after it. Times are seconds."""

    maximum_prefixes: PrefixLimit | None = None
    maximum_prefixes_warning: int | None = None
    maximum_prefixes_restart: int | None = None
    role: Role | None = None
    role_strict: bool | None = None
    long_lived_stale_time: int | None = None
    allow_martians: tuple[str, ...] | None = None
    discard_attributes: tuple[int, ...] | None = None
    add_path: AddPath | None = None
    hold_time: int | None = None
    families: tuple[Family, ...] | None = None
    cluster_id: str | None = None
    always_compare_med: bool | None = None
    resolve_next_hops: bool | None = None
    allow_underlay_routes: tuple[str, ...] | None = None
    lost_sessions_limit: LossLimit | None = None
    last_session_held: bool | None = None
    lost_routes_limit: LossLimit | None = None
    lost_originations_limit: LossLimit | None = None
    lost_nodes_limit: LossLimit | None = None
    confirm: tuple[str, ...] | None = None
    speaker: bool | None = None

    def over(self, other: Settings) -> Settings:
        """These, and of `other` the fields that these do not set."""
        # Nearly all have none, and are this very value: to compare it field by field costs more than the rest.
        if self is NO_SETTINGS or other is NO_SETTINGS:
            return other if self is NO_SETTINGS else self
        own = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return replace(other, **own)

    def at_the_other_end(self) -> Settings:
        """As they apply to the other end of the session."""
        return replace(self, role=OTHER_ROLE[self.role]) if self.role is not None else self


NAMES = tuple(field.name for field in fields(Settings))
NO_SETTINGS = Settings()
