"""Expressions of CEL for the values of our annotations: one for each function that reads a text, about `value`.

Rule: true exactly where the function raises no ValueError. One form that Python reads is left out: a network with a
netmask in place of a prefix length.
"""

from __future__ import annotations

from collections.abc import Callable

from bgpctl.resources.annotations import setting_texts as texts
from bgpctl.resources.annotations.table import TABLE, Annotation
from bgpctl.resources.values.notations import DURATION_PATTERN
from reflector.plan import LimitAction, Role

_16_BITS = "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_32_BITS = (
    "0*([1-9][0-9]{0,8}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}"
    "|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])"
)
_PERCENT = "0*([1-9][0-9]?|100)"
_ATTRIBUTE = "0*([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
# A duration counts in whole seconds, halves away from zero; what is no duration is asked nothing more.
_DURATION = f"value.matches(r'{DURATION_PATTERN}') && duration(value) > duration('-500ms')"


def _one_of(*words: str) -> str:
    return "value in [" + ", ".join(f"'{word}'" for word in words) + "]"


def _each(condition: str) -> str:
    return f"value.split(',').map(part, part.trim()).all(part, {condition})"


_FAMILY = rf"\\s*({'|'.join(texts.FAMILIES)})\\s*"
_NEEDED = ", ".join(f"'{number}'" for number in sorted(texts.NEEDED_ATTRIBUTES))
CEL: dict[Callable[[str], object], str] = {
    texts.boolean: _one_of(*texts.BOOLEANS),
    texts.role: _one_of(*Role),
    texts.percent: f"value.matches('^{_PERCENT}$')",
    texts.loss_limit: f"value.matches('^({texts.OFF}|{_PERCENT}%)$')",
    texts.prefix_limit: f"value.matches('^({texts.OFF}|{_32_BITS}( ({'|'.join(LimitAction)})?)?)$')",
    texts.add_path: f"value.matches('^(all|{texts.OFF}|{_16_BITS})$')",
    texts.duration: _DURATION,
    texts.stale_time: f"{_DURATION} && duration(value) < duration('{texts.LONGEST_STALE_TIME}.5s')",
    texts.hold_time: f"{_DURATION} && (duration(value) < duration('500ms') || "
    f"(duration(value) >= duration('{texts.SHORTEST_HOLD_TIME - 1}.5s') && "
    f"duration(value) < duration('{texts.LONGEST_HOLD_TIME}.5s')))",
    texts.families: f"value.matches('^{_FAMILY}(,{_FAMILY})?$')"
    " && (!value.contains(',') || value.split(',')[0].trim() != value.split(',')[1].trim())",
    texts.networks: _each("isIP(part) || (isCIDR(part) && cidr(part) == cidr(part).masked())"),
    texts.attribute_types: _each(f"part.matches('^{_ATTRIBUTE}$') && !(string(int(part)) in [{_NEEDED}])"),
    texts.cluster_id: "isIP(value) && ip(value).family() == 4 && !ip(value).isUnspecified()",
    texts.digests: _each(f"part.matches('^{texts.DIGEST.pattern}$')"),
}


def annotations_of(kind: type) -> tuple[Annotation, ...]:
    return tuple(row for row in TABLE if kind in row.kinds)
