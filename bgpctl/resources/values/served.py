"""What a Kubernetes API server checks of a field, for the schemas written from these types (kubernetes_schema).

Rule: the validators decide what a field may have. These are the same conditions in the words that an API server has:
keywords of a schema, and CEL where a pattern cannot say it. They may let more through, never less, with two exceptions
that no network has: lists longer than a CEL rule has time for, and IPv4 addresses inside IPv6 (::ffff:192.0.2.1).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

# The key in pydantic's JSON schema; the generator puts the keywords under it into the schema itself.
SERVED = "x-served"


def served(**keywords: Any) -> Any:
    """For use inside Annotated: keywords of the schema beside those that pydantic knows."""
    return Field(json_schema_extra={SERVED: keywords})


def served_rule(rule: str, expected: str, max_length: int) -> Any:
    """Text that is empty or keeps a rule of CEL. An API server estimates the cost by the longest text."""
    validation = {"rule": f"self == '' || ({rule})", "message": f"must be {expected}"}
    return served(maxLength=max_length, **{"x-kubernetes-validations": [validation]})
