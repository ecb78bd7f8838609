"""The patterns of names, labels and interfaces, and the words for text that does not fit one.

They are those of Kubernetes' API machinery and of the CRD schemas. Only `fields` needs to know them.
"""

from __future__ import annotations

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
OPTIONAL_NAME_PATTERN = rf"^({NAME_PATTERN[1:-1]})?$"


def _key_pattern(letters: str) -> str:
    """[domain/]name, where the domain is made of these letters, digits, '-' and '.'."""
    part = rf"[{letters}0-9]([-{letters}0-9]*[{letters}0-9])?"
    return rf"^({part}(\.{part})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"


# The domain of an annotation may have capitals, the domain of a label may not.
LABEL_KEY_PATTERN = _key_pattern("a-z")
ANNOTATION_KEY_PATTERN = _key_pattern("a-zA-Z")
LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
INTERFACE_PATTERN = r"^[a-zA-Z0-9_.*-]{1,15}$"
OPTIONAL_INTERFACE_PATTERN = r"^[a-zA-Z0-9_.*-]{0,15}$"
# As INTERFACE_PATTERN, without the text that is "*" alone.
SOME_INTERFACES_PATTERN = r"^([a-zA-Z0-9_.-][a-zA-Z0-9_.*-]{0,14}|\*[a-zA-Z0-9_.*-]{1,14})$"
LOG_LEVEL_PATTERN = r"^(?i:trace|debug|info|warning|error|fatal)?$"

INTERFACE_FORM = "an interface name of at most 15 letters, digits, '_', '.' and '-'; '*' is a wildcard"

# What a text that does not fit should have been, by the pattern that it does not fit.
EXPECTED = {
    NAME_PATTERN: "lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
    LABEL_KEY_PATTERN: "a label: [lower-case domain/]name, the name at most 63 letters, digits, '-', '_' and '.'",
    ANNOTATION_KEY_PATTERN: "an annotation: [domain/]name, the name at most 63 letters, digits, '-', '_' and '.'",
    LABEL_VALUE_PATTERN: "a label value: at most 63 letters, digits, '-', '_' and '.', "
    "with a letter or digit at both ends",
    INTERFACE_PATTERN: INTERFACE_FORM,
    OPTIONAL_INTERFACE_PATTERN: INTERFACE_FORM,
    LOG_LEVEL_PATTERN: "one of Trace, Debug, Info, Warning, Error, Fatal",
}
