# SPDX-License-Identifier: Apache-2.0
"""Makes system calls of the daemon fail on demand, by a preloaded library."""

import errno
import mmap
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")
# call, error, skipped, armed, hits
_ORDERS = struct.Struct("32siiii")


class FailingCalls:
    def __init__(self, work: Path) -> None:
        library = work / "failing_calls.so"
        command = ["clang-19", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"]
        subprocess.run(command, check=True, timeout=60)
        orders = work / "orders"
        orders.write_bytes(bytes(_ORDERS.size))
        with orders.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), _ORDERS.size)
        # The daemon's environment.
        self.prefix = ("env", f"LD_PRELOAD={library}", f"FAILING_CALLS={orders}")

    def drop_capability(self) -> None:
        """The thread that uses sendto next has no CAP_NET_ADMIN from then on."""
        self._mapped[:] = _ORDERS.pack(b"capability", errno.EPERM, 0, 0, 0)
        self._mapped[40:44] = struct.pack("i", 1)

    @contextmanager
    def one(self, call: str, error: str, after: int) -> Iterator[None]:
        """The next call of this kind fails, after that many successful ones."""
        # The last field but one arms it, so it is written after the others.
        order = (call.encode(), getattr(errno, error), after)
        self._mapped[:] = _ORDERS.pack(*order, 0, 0)
        self._mapped[40:44] = struct.pack("i", 1)
        try:
            yield
        finally:
            self._mapped[40:44] = bytes(4)

    @property
    def hits(self) -> int:
        return _ORDERS.unpack(self._mapped[:])[4]
