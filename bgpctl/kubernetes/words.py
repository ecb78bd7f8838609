"""What went wrong on the way to the API server, as one sentence.

Rule: where the clock of this machine can be wrong, the sentence names it. It is the last thing that anybody looks at.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

# X509_V_ERR_... of OpenSSL (x509_vfy.h).
_OF_CERTIFICATE = {
    9: "is not valid yet by the clock of this machine: put the clock right, or wait until it is valid",
    10: "has expired by the clock of this machine: put the clock right, or renew the certificate",
}


def words_of(error: BaseException) -> str:
    """Of an exception that may have no text."""
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError) and each.verify_code in _OF_CERTIFICATE:
            return f"the certificate of the API server {_OF_CERTIFICATE[each.verify_code]}"
    return str(error) or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
