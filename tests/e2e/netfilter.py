# SPDX-License-Identifier: Apache-2.0
"""Fills what the kernel has for connections: the balancer's map of ways, and connection tracking."""

import ctypes
import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from netns import Namespace

_NETFILTER = 12  # NETLINK_NETFILTER
_GET_DESCRIPTOR = 438  # pidfd_getfd
_REQUEST, _CREATE, _EXCLUSIVE = 0x1, 0x400, 0x200
_NESTED = 0x8000
_OF_TRACKING, _OF_TABLES = 1, 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_ELEMENTS, _DELETE_ELEMENTS = 12, 14
# Attributes are 64 KiB at most.
_ELEMENTS_AT_ONCE = 1000
_ENTRIES_AT_ONCE = 500


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _nested(kind: int, *inside: bytes) -> bytes:
    return _attribute(kind | _NESTED, b"".join(inside))


def _message(kind: int, flags: int, family: int, resource: int, attributes: bytes) -> bytes:
    body = struct.pack("=BBH", family, 0, socket.htons(resource)) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 0, 0) + body


class Map:
    """A map in the running balancer's table. Nobody else may change that: this is its own socket."""

    def __init__(self, pid: int, rules: str, name: str) -> None:
        """`rules` is what nft(8) shows of them."""
        table = re.search(r"table inet (ballast-(\d+)) ", rules)
        assert table, rules
        size = re.search(rf"map {name} \{{.*?size (\d+)", rules, re.DOTALL)
        assert size, rules
        self.size = int(size[1])
        self._names = b"".join(
            _attribute(kind, text.encode() + b"\0") for kind, text in ((1, table[1]), (2, name))
        )
        self._socket = _socket_of(pid, int(table[2]))

    def fill(self) -> None:
        """With ways that no packet looks for."""
        for first in range(0, self.size, _ELEMENTS_AT_ONCE):
            count = min(_ELEMENTS_AT_ONCE, self.size - first)
            elements = b"".join(self._element(first + each) for each in range(count))
            self._change(_NEW_ELEMENTS, _CREATE | _EXCLUSIVE, _nested(3, elements))

    def clear(self) -> None:
        self._change(_DELETE_ELEMENTS, 0, b"")

    @staticmethod
    def _element(number: int) -> bytes:
        key = struct.pack("!II HH", 0x0A000000 + number, 0x0A000001, 1, 0)
        value = struct.pack("!I HH", 0x0A000002, 1, 0)
        return _nested(1, _nested(1, _attribute(1, key)), _nested(2, _attribute(1, value)))

    def _change(self, kind: int, flags: int, elements: bytes) -> None:
        inet = 1
        self._socket.sendall(
            _message(_BATCH_BEGIN, 0, 0, _OF_TABLES, b"")
            + _message(_OF_TABLES << 8 | kind, flags, inet, 0, self._names + elements)
            + _message(_BATCH_END, 0, 0, _OF_TABLES, b"")
        )

    def close(self) -> None:
        self._socket.close()


def netlink_sockets(pid: int) -> Iterator[dict[str, str]]:
    """Those to netfilter that the process has, as /proc/net/netlink shows them."""
    own = {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()}
    titles, *lines = Path(f"/proc/{pid}/net/netlink").read_text().splitlines()
    for line in lines:
        fields = dict(zip(titles.split(), line.split(), strict=True))
        if fields["Eth"] == str(_NETFILTER) and f"socket:[{fields['Inode']}]" in own:
            yield fields


def _socket_of(pid: int, port: int) -> socket.socket:
    """A copy of the process's netlink socket with this number."""
    inode = next(each["Inode"] for each in netlink_sockets(pid) if each["Pid"] == str(port))
    descriptor = next(
        int(each.name)
        for each in Path(f"/proc/{pid}/fd").iterdir()
        if os.readlink(each) == f"socket:[{inode}]"
    )
    process = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(_GET_DESCRIPTOR, process, descriptor, 0)
    finally:
        os.close(process)
    if copy < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER, fileno=copy)


def _tuple(kind: int, source: int, target: int, ports: tuple[int, int]) -> bytes:
    return _nested(
        kind,
        _nested(1, *(_attribute(each, struct.pack("!I", ip)) for each, ip in ((1, source), (2, target)))),
        _nested(
            2,
            _attribute(1, bytes([socket.IPPROTO_UDP])),
            *(_attribute(each, struct.pack("!H", port)) for each, port in zip((2, 3), ports, strict=True)),
        ),
    )


def _entry(number: int) -> bytes:
    """A connection that the kernel does not give up for another one: it has seen both ways."""
    source, target, port = 0x0A000000 + number // 60000, 0x0B000001, 1000 + number % 60000
    confirmed_assured_answered = 8 | 4 | 2
    return _message(
        _OF_TRACKING << 8,
        _CREATE | _EXCLUSIVE,
        socket.AF_INET,
        0,
        _tuple(1, source, target, (port, 9))
        + _tuple(2, target, source, (9, port))
        + _attribute(3, struct.pack("!I", confirmed_assured_answered))
        + _attribute(7, struct.pack("!I", 3600)),
    )


def fill_tracking(space: Namespace) -> None:
    """Until it takes no connection more. The limit is the machine's, but each network has its own
    count."""
    with space.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as kernel:
        limits = Path("/proc/sys/net/netfilter")
        most = int((limits / "nf_conntrack_max").read_text())
        # Some are there already.
        for first in range(0, most, _ENTRIES_AT_ONCE):
            kernel.sendall(b"".join(map(_entry, range(first, first + _ENTRIES_AT_ONCE))))
        count = int((limits / "nf_conntrack_count").read_text())
        assert count >= most, (count, most)
