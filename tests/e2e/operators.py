# SPDX-License-Identifier: Apache-2.0
"""The operator of a running balancer: its commands, and its HTTP API."""

import http.client
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import waiting
from ballast import Ballast, run_ballast


def settings(work: Path, **more: Any) -> dict[str, Any]:
    """The settings of a balancer with a socket."""
    return {"admin": {"socket": str(socket_path(work)), **more}}


def socket_path(work: Path) -> Path:
    """Outside of the test's directory, whose name is too long for a socket."""
    return work.parent / f"{work.name[-8:]}.sock"


def operate(work: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_ballast(*words, "--socket", socket_path(work))
    assert done.returncode == status, done
    return done


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("ballast", timeout=waiting.PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        # Not with a timeout: Python would not wait for a place in the backlog.
        self.sock.connect(str(self._path))
        self.sock.settimeout(waiting.PATIENCE)


def connect(work: Path) -> http.client.HTTPConnection:
    return _UnixConnection(socket_path(work))


def ask_for(
    work: Path, method: str, target: str, body: Any = None
) -> tuple[int, bytes, str]:
    """The status, the body and its type."""
    connection = connect(work)
    connection.request(method, target, None if body is None else json.dumps(body))
    reply = connection.getresponse()
    answer = reply.read()
    connection.close()
    return reply.status, answer, reply.headers["Content-Type"]


def ask(work: Path, method: str, target: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    status, answer, _ = ask_for(work, method, target, body)
    return status, json.loads(answer)


def states(work: Path) -> dict[str, str]:
    """The administrative state of each backend."""
    status, answer = ask(work, "GET", "/v1/backends")
    assert status == 200
    return {f"{each['pool']}/{each['backend']}": each["state"] for each in answer["backends"]}


def sessions(work: Path) -> dict[str, int]:
    """The sessions of each backend."""
    status, answer = ask(work, "GET", "/v1/backends")
    assert status == 200
    return {f"{each['pool']}/{each['backend']}": each["sessions"] for each in answer["backends"]}


def wait_for_sessions(it: Ballast, work: Path, backend: str, count: int) -> None:
    def has_them() -> bool:
        it.assert_alive()
        return sessions(work)[backend] == count

    waiting.until(f"{backend} has {count} sessions", has_them)


class Stream:
    """A client of the stream of events."""

    def __init__(self, work: Path, query: str = "", last_id: str = "") -> None:
        self._connection = connect(work)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self._connection.request("GET", f"/v1/events?{query}", headers=headers)
        self._reply = self._connection.getresponse()
        assert self._reply.status == 200, self._reply.read()
        assert self._reply.getheader("Content-Type") == "text/event-stream"
        # The stream has begun, so nothing that happens from now on is missed.
        assert self._reply.readline().startswith(b":")

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def next(self) -> dict[str, Any]:
        fields: dict[str, str] = {}
        while True:
            line = self._reply.readline().decode()
            assert line, "the stream has ended"
            if line == "\n" and "data" in fields:
                event: dict[str, Any] = json.loads(fields["data"])
                assert event["id"] == fields["id"] and event["kind"] == fields["event"]
                return event
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
