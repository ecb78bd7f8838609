"""Path attribute bytes to values, with every error answered as RFC 7606 asks.

Rule: each attribute is read and judged by its row of attribute_rules. The first copy of a repeated attribute counts; a
repeated MP_REACH_NLRI or MP_UNREACH_NLRI resets. Wrong flags always cost the routes (RFC 7606 3 c). An attribute that
is not known resets if it is well-known, travels on if it is transitive, and else ends here (RFC 4271 5 and 6.3). One
that is never transitive ends here whatever its flags are (opaque_attributes).
Source: RFC 7606 3 to 6, RFC 4271 6.3, RFC 6793 4, RFC 4760 3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from reflector.wire.attribute_rules import RULES, Dialect, MalformedError, Penalty, Rule
from reflector.wire.attribute_writer import encode_attribute
from reflector.wire.attributes import (
    EXTENDED_LENGTH,
    OPTIONAL,
    PARTIAL,
    TRANSITIVE,
    Code,
    PathAttributes,
    RawAttribute,
    intern_attributes,
)
from reflector.wire.message import ErrorCode, NotificationError
from reflector.wire.opaque_attributes import NEVER_TRANSITIVE, OPAQUE_RULES
from reflector.wire.two_octet_as import restore_aggregator, restore_path

_RULES = RULES | OPAQUE_RULES
_MULTIPROTOCOL = frozenset((int(Code.MP_REACH_NLRI), int(Code.MP_UNREACH_NLRI)))
# In the order in which they are named, by the fields of PathAttributes.
_MANDATORY = dict.fromkeys(("origin", "as_path"))
_MANDATORY_INTERNAL = dict.fromkeys(("origin", "as_path", "local_pref"))
_FLAGS = OPTIONAL | TRANSITIVE
# Extended length is a matter of encoding, the lower four bits are to be ignored (RFC 4271 4.3).
_KNOWN_FLAGS = OPTIONAL | TRANSITIVE | PARTIAL


class ParsedAttributes(NamedTuple):
    """What an attribute block means.

    attributes   None when its routes are to be treated as withdrawn, for `error`
    missing      mandatory attributes that are absent: an error only for a message with reachable routes
    reach        MP_REACH_NLRI's value, unreach MP_UNREACH_NLRI's; None if absent
    discarded    why attributes were dropped, one text each
    """

    attributes: PathAttributes | None
    error: str = ""
    missing: str = ""
    reach: bytes | None = None
    unreach: bytes | None = None
    discarded: tuple[str, ...] = ()


def parse_attributes(block: bytes, dialect: Dialect) -> ParsedAttributes:
    """Read a path attribute block. Raises NotificationError for what must reset the session."""
    return _BlockReader(dialect).read(block)


class _BlockReader:
    """Reads one block: `fields` of PathAttributes, `others` carried as they are, and what went wrong."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.fields: dict[str, Any] = {}
        self.others: list[RawAttribute] = []
        self.partial: list[int] = []
        self.multiprotocol: dict[int, bytes] = {}
        self.errors: list[str] = []
        self.discarded: list[str] = []
        self.seen: set[int] = set()

    def read(self, block: bytes) -> ParsedAttributes:
        seen, dialect = self.seen, self.dialect
        position, end = 0, len(block)
        while position < end:
            flags, code, start, after = _attribute_header(block, position)
            if after > end:
                self.errors.append(f"attribute {code} runs past the end of the attributes")
                break
            rule = _RULES.get(code)
            if rule is None or code in seen or code in dialect.discarded or (rule.internal and dialect.external):
                self._unusual(RawAttribute(flags, code, block[start:after]))
            else:
                seen.add(code)
                self._known(flags, code, block[start:after], rule)
            position = after
        missing = self._missing()
        return ParsedAttributes(
            None if self.errors else self._attributes(),
            "; ".join(self.errors),
            missing,
            self.multiprotocol.get(Code.MP_REACH_NLRI),
            self.multiprotocol.get(Code.MP_UNREACH_NLRI),
            tuple(self.discarded),
        )

    def _attributes(self) -> PathAttributes:
        self._restore_as_numbers()
        self.others.sort(key=lambda raw: raw.code)
        return intern_attributes(**self.fields, others=tuple(self.others), partial=tuple(sorted(self.partial)))

    def _restore_as_numbers(self) -> None:
        """From a four-octet peer AS4_PATH and AS4_AGGREGATOR mean nothing (RFC 6793 4.1)."""
        tail = self.fields.pop("as4_path", ())
        if not self.others and self.dialect.four_octet_as:
            return  # the usual case
        others, tail_counts = restore_aggregator(self.others)
        if self.dialect.four_octet_as:
            others = [raw for raw in self.others if raw.code != Code.AS4_AGGREGATOR]
        elif tail and tail_counts and "as_path" in self.fields:
            self.fields["as_path"] = restore_path(self.fields["as_path"], tail)
        self.others = others

    def _unusual(self, raw: RawAttribute) -> None:
        """Anything but the first of its kind, of a kind that this peer may send and that has a rule."""
        code = raw.code
        if code in _MULTIPROTOCOL:
            if code in self.multiprotocol:
                raise NotificationError(ErrorCode.UPDATE_MESSAGE, 1, f"attribute {code} appears twice")
            if raw.flags & _FLAGS != OPTIONAL:
                self.errors.append(f"{Code(code).name} has flags {raw.flags:#04x}")
            self.multiprotocol[code] = raw.value
        elif code in self.seen:
            self.discarded.append(f"attribute {code} appears twice")
        else:
            self.seen.add(code)
            if code in self.dialect.discarded:
                self.discarded.append(f"attribute {code} is discarded from this peer")
            elif code in _RULES:
                self.discarded.append(f"{Code(code).name} from an external peer")
            else:
                self._without_rule(raw)

    def _known(self, flags: int, code: int, value: bytes, rule: Rule) -> None:
        if flags & _FLAGS != rule.flags:
            self.errors.append(f"{Code(code).name} has flags {flags:#04x}")
            return
        try:
            if not rule.fits(len(value)):
                raise MalformedError(f"{Code(code).name} has length {len(value)}")
            content = rule.read(value, self.dialect)
            if rule.field:
                self.fields[rule.field] = content
                if flags & PARTIAL and rule.stays_partial:
                    self.partial.append(code)
            else:
                self.others.append(RawAttribute(rule.flags_of(flags), code, content))
        except MalformedError as error:
            penalty = error.penalty or rule.penalty
            (self.discarded if penalty is Penalty.DISCARD else self.errors).append(str(error))

    def _without_rule(self, raw: RawAttribute) -> None:
        """RFC 4271 5 and 6.3: unknown well-known resets, unknown transitive travels on, others end here; so do those
        that are never transitive."""
        if raw.code in NEVER_TRANSITIVE:
            if raw.flags & _FLAGS != OPTIONAL:
                self.discarded.append(f"{Code(raw.code).name} has flags {raw.flags:#04x}")
            return
        if not raw.flags & OPTIONAL:
            reason = f"unrecognised well-known attribute {raw.code}"
            raise NotificationError(ErrorCode.UPDATE_MESSAGE, 2, reason, encode_attribute(*raw))
        if raw.flags & TRANSITIVE:
            self.others.append(RawAttribute(_FLAGS | PARTIAL, raw.code, raw.value))

    def _missing(self) -> str:
        """RFC 7606 3 d. Whether NEXT_HOP is needed depends on the UPDATE's NLRI, and is checked there."""
        wanted = _MANDATORY if self.dialect.external else _MANDATORY_INTERNAL
        if self.fields.keys() >= wanted.keys():
            return ""
        missing = [name.upper() for name in wanted if name not in self.fields]
        return f"mandatory attribute {', '.join(missing)} is missing"


def _attribute_header(block: bytes, position: int) -> tuple[int, int, int, int]:
    """(flags, type code, start of the value, end of the value); a truncated header ends past the block."""
    if position + 3 > len(block):
        return 0, 0, position, len(block) + 1
    flags, code = block[position], block[position + 1]
    if not flags & EXTENDED_LENGTH:
        return flags & _KNOWN_FLAGS, code, position + 3, position + 3 + block[position + 2]
    if position + 4 > len(block):
        return flags, code, position, len(block) + 1
    length = block[position + 2] << 8 | block[position + 3]
    return flags & _KNOWN_FLAGS, code, position + 4, position + 4 + length
