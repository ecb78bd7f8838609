"""Every seam into ExaBGP: which of its names we take the place of, and the one version that this fits.

Rule: ExaBGP has a session until it is Established, and from its end on; in between it neither polls nor visits it.
All of this uses names inside ExaBGP that no one has promised to keep, so it runs with the one version that it was
written for, and `require_supported_version` refuses any other. `tests/session/test_seams.py` holds the contract of each
seam.

What is overridden, where, and why:
    scheduled_peer
        Peer.run                as many steps as need no waiting, and only when there is one
        Peer.socket             nothing to poll: ExaBGP's sockets are in our event loop
    connecting_peer
        Peer._connect           ExaBGP dials without pause; ours has a connect timeout and a growing, bounded delay
        Peer.handle_connection  ExaBGP always prefers an incoming connection; ours treats collisions alike on both sides
        Peer._reset             reports why a session did not come up
    handover_peer
        Peer._main              runs in Established: gives the socket to the transport and sleeps until it is returned
        Peer.shutdown           ends sessions that are with the transport as graceful restart needs it
    dialled_connection
        Outgoing.establish      ExaBGP tries again for ever and keeps the reason; ours is one attempt, with the reason
    open_message
        Protocol.new_open       adds the capabilities that ExaBGP does not know
        Protocol.read_open      answers another version as RFC 4271 6.2 requires
        Protocol.validate_open  refuses a peer whose role does not fit
    listener
        Listener                accepts on events and finds the peer by its address instead of scanning all of them
    configuration
        Configuration.reload    parses only what is new
    reactor
        Reactor.active_peers    only sessions that ExaBGP works on, and of those only the ones that are due
        Reactor._wait_for_io    our event loop
        Reactor._pending_adjribout   nothing: ExaBGP has no routes to wait for
        Reactor()               goes to the directory /; ours returns to the run directory
        Reactor.reload          changes only what differs, and sets another TCP-MD5 key on an Established session
    quiet_log
        option.log_enabled      nothing is logged for each attempt and each connection, except at the level debug
    step_down
        Daemon.drop_privileges  our user, groups and capabilities instead of ExaBGP's
    here
        timer.time              a clock that never goes back: the wall clock may jump while a session is negotiated
"""

from __future__ import annotations

import time
from types import SimpleNamespace

from exabgp.bgp import timer as timer_module
from exabgp.logger.option import option
from exabgp.reactor import listener as listener_module
from exabgp.reactor import loop as loop_module
from exabgp.reactor import protocol as protocol_module
from exabgp.version import version as exabgp_version

from reflector.exabgp.dialled_connection import DialledConnection
from reflector.exabgp.handover_peer import HandoverPeer
from reflector.exabgp.listener import IndexedListener
from reflector.exabgp.quiet_log import is_logged

SUPPORTED_VERSION = "5.0.15"


def require_supported_version() -> None:
    """Raises RuntimeError for any other ExaBGP."""
    if exabgp_version.split("-")[0] != SUPPORTED_VERSION:
        raise RuntimeError(f"the session layer needs ExaBGP {SUPPORTED_VERSION}, and this is {exabgp_version}")


def take_the_seams() -> None:
    """Make ExaBGP's reactor use our peers and our listener. Once a process, before a reactor is made."""
    require_supported_version()
    loop_module.Peer = HandoverPeer
    listener_module.Peer = HandoverPeer
    loop_module.Listener = IndexedListener
    protocol_module.Outgoing = DialledConnection
    option.log_enabled = is_logged
    timer_module.time = SimpleNamespace(time=time.monotonic)
