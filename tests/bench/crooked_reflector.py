"""python crooked_reflector.py ADDRESS FAULT: sends every client what any client sends, but for one fault.

FAULT is one of:
    drop      one NLRI of the first UPDATE is not sent
    repeat    UPDATEs go out twice
    delay     each UPDATE waits DELAY seconds
    gather    of the UPDATEs for a prefix within DELAY seconds only the last is sent
    hang-up   who sends an UPDATE loses its session
"""

from __future__ import annotations

import asyncio
import sys

DELAY = 0.1
HEADER, OPEN, UPDATE, EMPTY_UPDATE = 19, 1, 2, 23
# The last NLRI of an UPDATE is a /26: five octets.
_NLRI = 5
KEEPALIVE = b"\xff" * 16 + b"\x00\x13\x04"


class Reflector:
    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.peers: list[asyncio.StreamWriter] = []
        self.gathered: dict[bytes, bytes] = {}
        self.dropped = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                header = await reader.readexactly(HEADER)
                body = await reader.readexactly(int.from_bytes(header[16:18], "big") - HEADER)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return
            if header[18] == OPEN:
                writer.write(header + body + KEEPALIVE)
                self.peers.append(writer)
            elif header[18] == UPDATE and HEADER + len(body) > EMPTY_UPDATE:
                self.on_update(header + body, writer)

    def on_update(self, update: bytes, sender: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        if self.fault == "hang-up":
            sender.close()
        elif self.fault == "delay":
            loop.call_later(DELAY, self.send_to_all, update)
        elif self.fault == "gather":
            if not self.gathered:
                loop.call_later(DELAY, self.tell_gathered)
            self.gathered[update[-_NLRI:]] = update
        elif self.fault == "drop" and not self.dropped:
            self.dropped = True
            shorter = (len(update) - _NLRI).to_bytes(2, "big")
            self.send_to_all(update[:16] + shorter + update[18:-_NLRI])
        else:
            self.send_to_all(update * 2 if self.fault == "repeat" else update)

    def tell_gathered(self) -> None:
        updates, self.gathered = self.gathered, {}
        self.send_to_all(b"".join(updates.values()))

    def send_to_all(self, update: bytes) -> None:
        for peer in self.peers:
            peer.write(update)


async def main(address: str, fault: str) -> None:
    server = await asyncio.start_server(Reflector(fault).serve, address, 179)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
