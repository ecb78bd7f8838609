"""Which objects the words of a command line mean, as with kubectl: KIND, KIND NAME..., KIND,KIND or KIND/NAME..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bgpctl.errors import NotReadyError
from bgpctl.objects.kinds import ALL, KINDS, ObjectKind, kinds_named


@dataclass(frozen=True, slots=True)
class Asked:
    """`names` of these kinds; () for all. `is_several`: more than one kind was named, so that rows name their kind."""

    kinds: tuple[ObjectKind, ...]
    names: tuple[str, ...] = ()
    is_several: bool = False


def asked_of(words: Sequence[str], *, everything: tuple[ObjectKind, ...] = KINDS) -> tuple[Asked, ...]:
    """`everything` is what `all` means. Raises NotReadyError."""
    if not words:
        raise NotReadyError(f"name a kind: {', '.join(dict.fromkeys(each.plural for each in KINDS))}, or all")
    if any("/" in word for word in words):
        return _pairs(words)
    names = words[0].split(",")
    kinds = tuple(
        dict.fromkeys(kind for name in names for kind in (everything if name.lower() == ALL else kinds_named(name)))
    )
    if ALL in (name.lower() for name in names) and len(words) > 1:
        raise NotReadyError(f"{ALL!r} takes no names: name the kind of {words[1]!r}")
    is_several = len(names) > 1 or names[0].lower() == ALL
    return (Asked(kinds, tuple(dict.fromkeys(words[1:])), is_several),)


def _pairs(words: Sequence[str]) -> tuple[Asked, ...]:
    found: dict[tuple[ObjectKind, ...], list[str]] = {}
    for word in words:
        kind, slash, name = word.partition("/")
        if not (kind and slash and name) or "/" in name:
            raise NotReadyError(f"{word!r} is no KIND/NAME, and other forms cannot stand beside it")
        found.setdefault(kinds_named(kind), []).append(name)
    return tuple(Asked(kinds, tuple(dict.fromkeys(names)), len(found) > 1) for kinds, names in found.items())
