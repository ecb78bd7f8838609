"""A stand-in where the real speaker cannot be made to misbehave: `stand_in_speaker.py HOW RUN_DIRECTORY`.

serve          answers everything, takes every plan
late           the same, after half a second
refuse         refuses every plan
other-version  listens, and answers with what is no frame of the protocol
silent         never listens
not-ready      ends with status 2 and one sentence
crash          ends with status 1 at once
crash-at-first the same three times, and serves from then on
stubborn       serves, and ignores SIGTERM
"""

import signal
import socket
import sys
import threading
import time
from pathlib import Path

from reflector.messages import (
    Applied,
    Apply,
    Counters,
    FrameReader,
    Peers,
    Refused,
    Reply,
    Request,
    ShowCounters,
    ShowPeers,
    decode_request,
    frame,
)

NO_REPLY = b"\0\0\0\2hi"


def answer(how: str, request: Request, seen: list[str]) -> Reply:
    match request:
        case Apply(plan=plan):
            if how == "refuse":
                return Refused("not this one")
            seen.append(plan.router_id)
            return Applied()
        case ShowCounters():
            return Counters({"plans": len(seen)}, uptime=1.0)
        case ShowPeers():
            return Peers(())
    return Refused("a stand-in does not know that")


def serve(how: str, run_directory: Path) -> None:
    path = run_directory / "speaker.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    seen: list[str] = []
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(how, connection, seen), daemon=True).start()


def converse(how: str, connection: socket.socket, seen: list[str]) -> None:
    frames = FrameReader()
    with connection:
        while data := connection.recv(65536):
            for body in frames.feed(data):
                reply = NO_REPLY if how == "other-version" else frame(answer(how, decode_request(body), seen))
                connection.sendall(reply)


def starts(run_directory: Path) -> int:
    """How often a stand-in was started for this directory, this time included."""
    count = run_directory / "starts"
    count.write_text(count.read_text() + "." if count.exists() else ".")
    return len(count.read_text())


def main(how: str, run_directory: Path) -> None:
    sys.stderr.write(f"stand-in speaker: {how}\n")
    if how == "not-ready":
        sys.stderr.write("port 179 is taken by process 1; stop it\n")
        sys.exit(2)
    if how == "crash" or (how == "crash-at-first" and starts(run_directory) <= 3):
        raise RuntimeError("a bug of the speaker")
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "late":
        time.sleep(0.5)
    if how == "silent":
        signal.pause()
    serve(how, run_directory)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
