# SPDX-License-Identifier: Apache-2.0
"""A name server for the tests, in a separate network and mount namespace.

As a program: ADDRESS ZONE QUERIES. It answers on port 53 over UDP and TCP. It reads the file ZONE
again for each question, and appends "udp A ftp.example.com" to QUERIES.
"""

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import waiting
from netns import Network
from process import Process

# Name, type and data: {"ftp.example.com": {"A": ["127.0.2.1"], "SRV": ["0 1 2121 host"]}}; or
# "fails", for a name with a server failure; "silent", for a name that gets no answer.
Zone = Mapping[str, Mapping[str, Sequence[str]] | Literal["fails", "silent"]]

_TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33}
_NAMES = {number: name for name, number in _TYPES.items()}
_UDP_BYTES_MAX = 512
_AUTHORITATIVE, _TRUNCATED, _NO_SUCH_NAME, _FAILED = 0x8400, 0x0200, 3, 2


class NameServer:
    """Programs that are started with `prefix` ask only this server, and reach only each other."""

    ADDRESS = "127.0.53.53"

    def __init__(self, work: Path, network: Network) -> None:
        self.zone = work / "zone.json"
        self.queries = work / "queries"
        self.queries.touch()
        self._log = work / "dns.log"
        resolv = work / "resolv.conf"
        resolv.write_text(f"nameserver {self.ADDRESS}\noptions timeout:1 attempts:2\n")
        namespace = network.add("names").prefix
        bind = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        unshare = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", bind)
        self.prefix = (*namespace, *unshare, str(resolv))
        self._process: Process | None = None
        self.say({})

    def say(self, zone: Zone) -> None:
        """Sets the answers from now on."""
        new = self.zone.with_suffix(".new")
        new.write_text(json.dumps(zone))
        new.rename(self.zone)

    def heard(self) -> list[str]:
        return self.queries.read_text().splitlines()

    def start(self) -> None:
        command = [sys.executable, __file__, self.ADDRESS, self.zone, self.queries]
        self._process = Process(command, self._log, prefix=self.prefix)
        waiting.until("the name server listens", lambda: "ready" in self._log.read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
            self._log.write_text("")

    def __enter__(self) -> "NameServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _wire_name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _data(kind: str, text: str) -> bytes:
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, text)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, text)
    if kind == "CNAME":
        return _wire_name(text)
    priority, weight, port, target = text.split()
    return struct.pack(">HHH", int(priority), int(weight), int(port)) + _wire_name(target)


def _question(query: bytes) -> tuple[str, int, bytes]:
    """Name, type, and the question as it came. RFC 1035 4.1.2: one question, uncompressed."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
    return ".".join(labels).lower(), kind, query[12 : at + 5]


def _answer(query: bytes, zone: dict[str, Any], over: str, queries: int) -> bytes | None:
    name, number, question = _question(query)
    kind = _NAMES.get(number, str(number))
    os.write(queries, f"{over} {kind} {name}\n".encode())
    if zone.get(name) == "silent":
        return None
    flags = _AUTHORITATIVE | (query[2] & 1) << 8
    answers = []
    if name not in zone:
        flags |= _NO_SUCH_NAME
    elif zone[name] == "fails":
        flags |= _FAILED
    else:
        for text in zone[name].get(kind, []):
            data = _data(kind, text)
            # A pointer to the question's name; class IN; a short time to live.
            head = struct.pack(">HHHIH", 0xC00C, number, 1, 0, len(data))
            answers.append(head + data)
    body = question + b"".join(answers)
    if over == "udp" and 12 + len(body) > _UDP_BYTES_MAX:
        # It ignores EDNS. RFC 2181 9: the client asks again over TCP.
        flags, answers, body = flags | _TRUNCATED, [], question
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + body


def main() -> None:
    address, zone_path, queries_path = sys.argv[1:]
    queries = os.open(queries_path, os.O_WRONLY | os.O_APPEND)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53))

    def answer(query: bytes, over: str) -> bytes | None:
        return _answer(query, json.loads(Path(zone_path).read_text()), over, queries)

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                reply = answer(stream.read(int.from_bytes(head, "big")), "tcp")
                if reply is not None:
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(tcp.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("ready", flush=True)
    while True:
        query, client = udp.recvfrom(4096)
        reply = answer(query, "udp")
        if reply is not None:
            udp.sendto(reply, client)


if __name__ == "__main__":
    main()
