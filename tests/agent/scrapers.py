"""Scrapers as programs of their own: `scrapers.py HOW PORT ARGUMENT`, to 127.0.0.1.

silent N     connects N times, says "connected", and nothing until its standard input ends
deaf N       asks for the page N times, says "asked", and reads nothing until its standard input ends
probe N      asks N times, one after the other, whether the agent lives, and says how often it does
together N   asks for the page N times at once, and says how many whole pages it got
garbage HEX  sends these octets and no more, and says the status of the answer
reset N      asks N times and resets the connection before there is an answer
"""

import asyncio
import socket
import struct
import sys

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 30.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def silent(port: int, number: str) -> str:
    kept = [connect(port) for _ in range(int(number))]
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    sys.stdin.read()
    return f"{len(kept)} silent"


def deaf(port: int, number: str) -> str:
    kept = []
    for _ in range(int(number)):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(REQUEST)
        kept.append(connection)
    sys.stdout.write("asked\n")
    sys.stdout.flush()
    sys.stdin.read()
    return f"{len(kept)} deaf"


def probe(port: int, number: str) -> str:
    alive = 0
    for _ in range(int(number)):
        with connect(port) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
            alive += connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    return f"{alive} of {number} alive"


def together(port: int, number: str) -> str:
    async def scrape() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")
        writer.close()
        return head.startswith(b"HTTP/1.1 200") and f"Content-Length: {len(body)}\r\n".encode() in head

    async def all_of_them() -> int:
        return sum(await asyncio.gather(*(scrape() for _ in range(int(number)))))

    return f"{asyncio.run(all_of_them())} whole pages"


def garbage(port: int, octets: str) -> str:
    with connect(port) as connection:
        connection.sendall(bytes.fromhex(octets))
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536).split(b" ")[1].decode()


def reset(port: int, number: str) -> str:
    for _ in range(int(number)):
        with connect(port) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.sendall(REQUEST)
    return f"{number} reset"


HOW = {"silent": silent, "deaf": deaf, "probe": probe, "together": together, "garbage": garbage, "reset": reset}

if __name__ == "__main__":
    sys.stdout.write(HOW[sys.argv[1]](int(sys.argv[2]), sys.argv[3]) + "\n")
