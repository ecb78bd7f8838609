"""The octets of a resource file as text, whatever program has written them.

UTF-8 with or without a byte order mark, and UTF-16 with one; lines end in any of three ways. A byte order mark at the
beginning of a later line is what is left where files with one were joined: it is removed.
"""

from __future__ import annotations

import codecs
import re

_MARK = re.compile("^\ufeff+", re.MULTILINE)
# Letters that programs write as one octet where they do not write UTF-8.
LEGACY = "cp1252"


def text_of(octets: bytes) -> str:
    """Raises UnicodeDecodeError."""
    is_utf16 = octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = octets.decode("utf-16" if is_utf16 else "utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return _MARK.sub("", text) if "\ufeff" in text else text


def not_utf8(error: UnicodeDecodeError) -> tuple[int, str]:
    """The line (from 1) with the octets that are none, and the sentence about them."""
    before, octets = error.object[: error.start], error.object[error.start : error.start + 1]
    line = 1 + before.count(b"\n")
    meant = octets.decode(LEGACY, "replace")
    letter = f", which is {meant!r} in Windows-1252" if meant.isprintable() and meant != "\ufffd" else ""
    return line, f"not UTF-8 text: octet 0x{octets.hex()} at offset {error.start}{letter}; save the file as UTF-8"
