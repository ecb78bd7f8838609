"""Whether this process may change kernel routes and devices at all: asked of the kernel, before anything is done."""

from __future__ import annotations

from bgpctl.errors import NotReadyError
from reflector.kernel.netlink.sockets import Requests


def require_permission(requests: Requests) -> None:
    """Raises NotReadyError where the kernel would refuse every write."""
    if not requests.may_write():
        raise NotReadyError("Programming kernel routes needs root (CAP_NET_ADMIN); --no-fib goes without.")
