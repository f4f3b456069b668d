# SPDX-License-Identifier: Apache-2.0
"""A gate between the balancer and a backend: it passes bytes on, and can stall, cut, slice and
delay them, for control and data connections.

It reads the backend's 227 and 229 and opens a gate for the data connection as well, so the balancer
sees one address only.
"""

import contextlib
import ctypes
import re
import socket
import struct
import threading
from collections.abc import Callable

import waiting
from ports import free_port
from servers import endpoint


class Flow:
    """The test's settings for one kind of connection. They may change at any time."""

    def __init__(self) -> None:
        # The largest piece that passes at once, and the pause after each.
        self.slice_bytes = 65536
        self.delay = 0.0
        # Bytes after which nothing more passes, for each connection and direction.
        self.stall_after: int | None = None
        self._open = threading.Event()
        self._open.set()
        self._stalled = threading.Event()

    def stall(self) -> None:
        """From now on nothing passes."""
        self._open.clear()

    def release(self) -> None:
        self.stall_after = None
        self._stalled.clear()
        self._open.set()

    def wait_until_stalled(self) -> None:
        """Waits until a connection has passed the bytes that `stall_after` allows."""
        assert self._stalled.wait(waiting.PATIENCE), "nothing came as far as the stall"

    def wait_until_open(self) -> None:
        """Waits before an end like before a byte."""
        self._open.wait()

    def allowance(self, passed: int) -> int:
        """The number of bytes that may pass now; waits while it is 0."""
        while True:
            self._open.wait()
            if self.stall_after is None:
                return self.slice_bytes
            left = self.stall_after - passed
            if left > 0:
                return min(left, self.slice_bytes)
            self._open.clear()
            self._stalled.set()


class Gate:
    def __init__(self, address: str, backend: tuple[str, int]) -> None:
        self.address = address
        self.port = free_port()
        self._backend = backend
        self.control = Flow()
        self.data = Flow()
        self._open: list[socket.socket] = []
        self._guard = threading.Lock()
        self._listener: socket.socket | None = None

    @property
    def endpoint(self) -> str:
        return endpoint(self.address, self.port)

    def start(self) -> None:
        self._listener = self._listen(self.port)
        threading.Thread(target=self._accept_control, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.control.release()
        self.data.release()
        self.cut()

    def cut(self) -> None:
        """Ends every connection with RST, both ways; bytes on their way are lost."""
        with self._guard:
            doomed, self._open = self._open, []
        for connection in doomed:
            _reset(connection)

    def __enter__(self) -> "Gate":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        return socket.create_server((self.address, port), family=family, backlog=100)

    def _accept_control(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self._join(near, self._backend, self.control, self._open_data_gate)

    def _join(
        self,
        near: socket.socket,
        where: tuple[str, int],
        flow: Flow,
        rewrite: Callable[[bytes], bytes] | None,
    ) -> None:
        try:
            far = socket.create_connection(where, waiting.PATIENCE)
        except OSError:
            _reset(near)
            return
        far.settimeout(None)
        with self._guard:
            self._open += [near, far]
        threading.Thread(target=self._carry, args=(near, far, flow, rewrite), daemon=True).start()

    def _carry(
        self,
        near: socket.socket,
        far: socket.socket,
        flow: Flow,
        rewrite: Callable[[bytes], bytes] | None,
    ) -> None:
        back = threading.Thread(target=_pump, args=(far, near, flow, rewrite), daemon=True)
        back.start()
        _pump(near, far, flow, None)
        back.join()
        with self._guard:
            self._open = [each for each in self._open if each not in (near, far)]
        near.close()
        far.close()

    def _open_data_gate(self, data: bytes) -> bytes:
        """The port of a 227 or 229 becomes ours. A reply comes in one read here: it is short, and
        the servers write it at once."""
        if found := re.search(rb"^229 .*\(\|\|\|(\d+)\|\)", data, re.MULTILINE):
            port = self._data_gate(int(found[1]))
            return data[: found.start(1)] + str(port).encode() + data[found.end(1) :]
        if found := re.search(rb"^227 .*?(\d+,\d+,\d+,\d+),(\d+),(\d+)", data, re.MULTILINE):
            port = self._data_gate(int(found[2]) * 256 + int(found[3]))
            spelled = f"{self.address.replace('.', ',')},{port >> 8},{port & 255}"
            return data[: found.start(1)] + spelled.encode() + data[found.end(3) :]
        return data

    def _data_gate(self, backend_port: int) -> int:
        listener = self._listen(0)
        listener.settimeout(waiting.PATIENCE)

        def accept() -> None:
            with listener:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
            near.settimeout(None)
            self._join(near, (self._backend[0], backend_port), self.data, None)

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])


def _pump(
    source: socket.socket,
    sink: socket.socket,
    flow: Flow,
    change: Callable[[bytes], bytes] | None,
) -> None:
    passed = 0
    pause = threading.Event()
    try:
        while data := source.recv(65536):
            if change is not None:
                data = change(data)
            while data:
                count = min(len(data), flow.allowance(passed))
                sink.sendall(data[:count])
                data, passed = data[count:], passed + count
                if flow.delay:
                    pause.wait(flow.delay)
    except OSError:
        # An abnormal end stays abnormal.
        _reset(sink)
        _reset(source)
        return
    flow.wait_until_open()
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    """Sends an RST now, even if another thread is waiting in a read of this socket."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Connecting to AF_UNSPEC sends an RST at once; closing would wait for the reader.
        _disconnect(connection)


def _disconnect(connection: socket.socket) -> None:
    # struct sockaddr with AF_UNSPEC.
    unspecified = ctypes.create_string_buffer(16)
    ctypes.CDLL(None, use_errno=True).connect(connection.fileno(), unspecified, 16)
