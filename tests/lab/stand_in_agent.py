"""Stands in for `bgpctl agent` where only its start and end matter: writes agent.pid, answers on both sockets.

stand_in_agent.py NODE RUN_DIRECTORY      answers until it is killed
stand_in_agent.py --refuse SENTENCE       ends at once with status 2, like an agent whose port is taken
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

from reflector.messages import (
    AgentStatus,
    Counters,
    FrameReader,
    Message,
    ShowAgent,
    ShowCounters,
    decode_request,
    frame,
)


def serve(path: Path, answers: dict[type, Message]) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    while True:
        client, _ = server.accept()
        frames = FrameReader()
        with client:
            while data := client.recv(4096):
                for body in frames.feed(data):
                    client.sendall(frame(answers[type(decode_request(body))]))


def main(node: str, directory: Path) -> None:
    status = AgentStatus(node, "stand-in", os.getpid(), 0.0, 1, True, 0.0)
    for name in ("agent.sock", "speaker.sock"):
        (directory / name).unlink(missing_ok=True)
    (directory / "agent.pid").write_text(str(os.getpid()))
    counters = {ShowCounters: Counters(totals={}, uptime=0.0)}
    threading.Thread(target=serve, args=(directory / "speaker.sock", counters), daemon=True).start()
    serve(directory / "agent.sock", {ShowAgent: status})


if __name__ == "__main__":
    if sys.argv[1] == "--refuse":
        sys.stderr.write(f"bgpctl: {sys.argv[2]}\n")
        sys.exit(2)
    main(sys.argv[1], Path(sys.argv[2]))
