"""What people paste into resource files, by its signs, and what to write instead.

Two questions: what is it about a line that YAML cannot read, and what is it about a value that a field refuses? Each
sign is a row; the first that a text has is its answer.
"""

from __future__ import annotations

import re

# Characters that look like others, or like nothing, with their names and what to write.
LOOK_ALIKES = {
    "\u00a0": ("a no-break space (U+00A0)", "a plain space"),
    "\u202f": ("a narrow no-break space (U+202F)", "a plain space"),
    "\u2007": ("a figure space (U+2007)", "a plain space"),
    "\u3000": ("an ideographic space (U+3000)", "a plain space"),
    "\u200b": ("a zero-width space (U+200B)", "nothing"),
    "\u200c": ("a zero-width character (U+200C)", "nothing"),
    "\u200d": ("a zero-width character (U+200D)", "nothing"),
    "\u2060": ("a zero-width character (U+2060)", "nothing"),
    "\ufeff": ("a byte order mark (U+FEFF)", "nothing"),
    "\u201c": ("a typographic quotation mark (\u201c)", 'a plain "'),
    "\u201d": ("a typographic quotation mark (\u201d)", 'a plain "'),
    "\u201e": ("a typographic quotation mark (\u201e)", 'a plain "'),
    "\u2018": ("a typographic quotation mark (\u2018)", "a plain '"),
    "\u2019": ("a typographic quotation mark (\u2019)", "a plain '"),
    "\u2013": ("a dash (\u2013)", "a plain -"),
    "\u2014": ("a dash (\u2014)", "a plain -"),
    "\u2212": ("a minus sign (\u2212)", "a plain -"),
}
_LOOK_ALIKE = re.compile(f"[{''.join(LOOK_ALIKES)}]")
_TEMPLATE = re.compile(r"\{\{.*|\{%.*|<%.*|\$\{\w.*|\$\(\w.*")
_VALUE = re.compile(r"^[^#'\"]*?[:-]\s+([!&*@`%|>][^\s#]*)")
_GLUED = re.compile(r"^\s*(?:- )?([A-Za-z]\w*):([^\s:/]\S*)\s*$")


def value_advice(value: str) -> str:
    """What stands in this value and should not, "" for nothing."""
    return _look_alike(value) or _template(value)


def line_advice(line: str) -> str:
    """Why YAML cannot read this line, "" where no sign says it."""
    return next((found for sign in _LINE_SIGNS if (found := sign(line))), "")


def _look_alike(text: str) -> str:
    found = _LOOK_ALIKE.search(text)
    if found is None:
        return ""
    name, instead = LOOK_ALIKES[found.group()]
    place = f"character {found.start() + 1} is {name}"
    return f"{place}; remove it" if instead == "nothing" else f"{place}; write {instead} instead"


def _template(text: str) -> str:
    found = _TEMPLATE.search(text)
    if found is None:
        return ""
    return f"{found.group().split()[0]!r} begins a template; render it first (helm template, kustomize, envsubst)"


def _tab(line: str) -> str:
    blanks = line[: len(line) - len(line.lstrip())]
    return "a tab stands where YAML takes only spaces; indent with spaces" if "\t" in blanks else ""


def _fence(line: str) -> str:
    return "``` is Markdown and no YAML; remove the line" if line.startswith("```") else ""


def _unquoted(line: str) -> str:
    found = _VALUE.match(line)
    if found is None:
        return ""
    value = line[found.start(1) :].strip()
    return f"a value that begins with {value[0]} must be in quotes; write {quoted(value)}"


def _glued(line: str) -> str:
    found = _GLUED.match(line)
    if found is None:
        return ""
    return f"there must be a space behind the colon; write {found[1]}: {found[2]}"


def quoted(value: str) -> str:
    """As it is to be written in YAML."""
    return f'"{value}"' if '"' not in value else "'" + value.replace("'", "''") + "'"


_LINE_SIGNS = (_tab, _look_alike, _fence, _template, _unquoted, _glued)
