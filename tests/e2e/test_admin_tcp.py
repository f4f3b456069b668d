# SPDX-License-Identifier: Apache-2.0
"""The admin API over TCP: tokens, TLS, browsers, reload and upgrade."""

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast
from certificates import Authority, Identity, for_loopback
from ports import free_port
from tls import client_context

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

WRITER = "0123456789abcdef-may-do-all"
READER = "fedcba9876543210-may-look"
DRAIN = json.dumps({"state": "drain"})


def _balancer(work: Path, **admin: Any) -> Ballast:
    """A balancer with the API over TCP; its backend does not exist."""
    return Ballast(
        work,
        [Listener("ftp", "files", ["127.0.0.1"])],
        [Pool("files", [Backend("f1", Place("127.0.0.1", free_port()))])],
        settings=operators.settings(work, **admin),
    )


def _token_file(work: Path, name: str, *tokens: str) -> str:
    file = work / name
    file.write_text("# of the tests\n" + "\n".join(tokens) + "\n")
    file.chmod(0o600)
    return str(file)


def _connect(port: int, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=waiting.PATIENCE)
    return http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=waiting.PATIENCE, context=context
    )


def _send(
    connection: http.client.HTTPConnection, method: str, target: str, token: str = "", **header: str
) -> http.client.HTTPResponse:
    if token:
        header["Authorization"] = f"Bearer {token}"
    connection.request(method, target, DRAIN if method == "PUT" else None, header)
    return connection.getresponse()


def _status(
    port: int,
    method: str,
    target: str,
    token: str = "",
    context: ssl.SSLContext | None = None,
    **header: str,
) -> int:
    with contextlib.closing(_connect(port, context)) as connection:
        return _send(connection, method, target, token, **header).status


def test_without_tokens_the_api_on_loopback_only_tells(work: Path) -> None:
    port = free_port()
    with _balancer(work, bind=[f"127.0.0.1:{port}"]) as it:
        with contextlib.closing(_connect(port)) as connection:
            reply = _send(connection, "GET", "/v1/backends")
            assert reply.status == 200
            (backend,) = json.loads(reply.read())["backends"]
            assert backend["backend"] == "f1"
            assert _send(connection, "HEAD", "/v1/backends").status == 200
        assert _status(port, "PUT", "/v1/state") == 403
        assert operators.ask(work, "GET", "/v1/state")[1]["state"] == "ready"
        assert operators.operate(work, "drain", "--all").returncode == 0
        line = it.wait_for_log(
            "who was refused",
            lambda line: line["message"] == "an operator's request was refused",
        )
        assert line["client"].startswith("127.0.0.1:") and line["status"] == 403
        assert line["request"] == "PUT '/v1/state'"


def test_tokens_say_who_may_look_and_who_may_act(work: Path) -> None:
    port = free_port()
    tokens = {
        "token_file": _token_file(work, "all", WRITER),
        "read_token_file": _token_file(work, "read", READER),
    }
    with _balancer(work, bind=[f"127.0.0.1:{port}"], **tokens) as it:
        assert _status(port, "GET", "/v1/state") == 401
        assert _status(port, "GET", "/v1/state", READER) == 200
        assert _status(port, "PUT", "/v1/state", READER) == 403
        assert _status(port, "PUT", "/v1/state", WRITER[:-1]) == 401
        assert operators.ask(work, "GET", "/v1/state")[1]["state"] == "ready"
        assert _status(port, "PUT", "/v1/state", WRITER) == 200
        assert operators.ask(work, "GET", "/v1/state")[1]["state"] == "drain"
        line = it.wait_for_log(
            "who did it", lambda line: line["message"] == "an operator's request"
        )
        assert line["token"] == hashlib.sha256(WRITER.encode()).hexdigest()[:12]
        assert WRITER not in it.log.read_text() and READER not in it.log.read_text()


def test_a_reload_changes_tokens_for_connections_that_are_there(work: Path) -> None:
    port = free_port()
    file = _token_file(work, "all", WRITER)
    with _balancer(work, bind=[f"127.0.0.1:{port}"], token_file=file) as it:
        with contextlib.closing(_connect(port)) as connection:
            assert _send(connection, "PUT", "/v1/state", WRITER).read()
            _token_file(work, "all", "another-token-of-the-tests")
            it.reload()
            reply = _send(connection, "PUT", "/v1/state", WRITER)
            assert reply.status == 401 and reply.read()
            assert _send(connection, "PUT", "/v1/state", "another-token-of-the-tests").status == 200
        _token_file(work, "all", "short")
        done = operators.operate(work, "reload", status=1)
        assert "line 2 has a token of 5 bytes, not 16 to 512 (make one with: " in done.stderr
        assert "short" not in done.stderr
        assert _status(port, "PUT", "/v1/state", "another-token-of-the-tests") == 200


def test_a_reload_opens_and_closes_addresses(work: Path) -> None:
    stays, goes, comes = free_port(), free_port(), free_port()
    it = _balancer(work, bind=[f"127.0.0.1:{stays}", f"127.0.0.1:{goes}"])
    with it, contextlib.closing(_connect(stays)) as connection:
        assert _send(connection, "GET", "/v1/state").read()
        before = connection.sock
        it._settings["admin"]["bind"] = [f"127.0.0.1:{stays}", f"127.0.0.1:{comes}"]
        it.reload()
        assert _status(comes, "GET", "/v1/state") == 200
        with pytest.raises(ConnectionRefusedError):
            _status(goes, "GET", "/v1/state")
        assert _send(connection, "GET", "/v1/state").read()
        assert connection.sock is before, "the connection was not cut"


def test_after_an_upgrade_the_new_process_answers_at_the_same_address(work: Path) -> None:
    port = free_port()
    with _balancer(work, bind=[f"127.0.0.1:{port}"]) as it:
        with contextlib.closing(_connect(port)) as connection:
            assert _send(connection, "GET", "/v1/state").read()
            it.upgrade()
            # The former process ends what is idle, so that nobody stays with it.
            connection.sock.settimeout(waiting.PATIENCE)
            assert connection.sock.recv(1) == b""
        with contextlib.closing(_connect(port)) as connection:
            reply = json.loads(_send(connection, "GET", "/v1/generations").read())
            assert reply["generations"][0]["pid"] == it.pid


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Path]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    return for_loopback(authority, "ballast.example.com", "127.0.0.1"), authority.certificate


def test_beyond_loopback_there_is_tls_and_a_token(
    work: Path, identity: tuple[Identity, Path]
) -> None:
    own, ca = identity
    port = free_port()
    tls = {"certificate": str(own.certificate), "key": str(own.key)}
    file = _token_file(work, "all", WRITER)
    context = client_context(ca)
    it = _balancer(work, bind=[f"0.0.0.0:{port}"], token_file=file, tls=tls)
    with it:
        assert _status(port, "GET", "/v1/state", context=context) == 401
        assert _status(port, "GET", "/v1/state", WRITER, context) == 200
        assert _status(port, "PUT", "/v1/state", WRITER, context) == 200
        # Plain HTTP gets no answer.
        with contextlib.closing(_connect(port)) as connection:
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                _send(connection, "GET", "/v1/state", WRITER)
        it.wait_for_log(
            "the failed handshake",
            lambda line: line["message"] == "an operator's TLS handshake failed",
        )
        # A connection that never begins its handshake holds nothing up.
        with socket.create_connection(("127.0.0.1", port)):
            assert _status(port, "GET", "/v1/state", WRITER, context) == 200


@pytest.mark.parametrize("with_tls", [False, True])
def test_check_refuses_an_exposed_api(
    with_tls: bool, work: Path, identity: tuple[Identity, Path]
) -> None:
    own, _ = identity
    more: dict[str, Any] = (
        {"tls": {"certificate": str(own.certificate), "key": str(own.key)}}
        if with_tls
        else {"token_file": _token_file(work, "all", WRITER)}
    )
    it = _balancer(work, bind=["127.0.0.1:8021", "0.0.0.0:8022"], **more)
    it.configuration.write_text(it.text())
    done = run_ballast("check", "-c", it.configuration)
    assert done.returncode == 1
    lacks = "there is no token" if with_tls else "there is no TLS"
    assert f"admin.bind[1]: other machines can reach 0.0.0.0:8022, and {lacks}" in done.stderr
    assert "admin.bind[0]" not in done.stderr


def test_check_tells_what_is_wrong_with_the_files_and_addresses(work: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = Path(_token_file(work, "all", WRITER))
        file.chmod(0o644)
        it = _balancer(
            work,
            bind=[f"127.0.0.1:{port}"],
            token_file=str(file),
            read_token_file=str(work / "none"),
            names=["https://ballast.example.com"],
        )
        it.configuration.write_text(it.text())
        done = run_ballast("check", "-c", it.configuration)
    assert done.returncode == 1
    assert f"every user of this machine can read {file}" in done.stderr
    assert "admin.names[0]: https://ballast.example.com is more than a name" in done.stderr
    assert "admin.bind[0]: " in done.stderr and "Address already in use" in done.stderr
    assert "admin.read_token_file: " in done.stderr and "No such file" in done.stderr


def test_a_web_page_cannot_operate(work: Path) -> None:
    port = free_port()
    file = _token_file(work, "all", WRITER)
    own = f"127.0.0.1:{port}"
    with _balancer(work, bind=[own], names=["ballast.example.com"], token_file=file):
        for host, origin, status in [
            (own, "", 200),
            (f"ballast.example.com:{port}", "", 200),
            (own, f"http://{own}", 200),
            (f"evil.example.com:{port}", "", 403),
            (f"evil.example.com:{port}", f"http://evil.example.com:{port}", 403),
            (own, "http://evil.example.com", 403),
            (own, "null", 403),
        ]:
            header = {"Host": host, **({"Origin": origin} if origin else {})}
            assert _status(port, "PUT", "/v1/state", WRITER, **header) == status, header
            assert _status(port, "GET", "/v1/state", **header) == status, header


def test_a_flood_over_tcp_locks_nobody_out(work: Path) -> None:
    port = free_port()
    with _balancer(work, bind=[f"127.0.0.1:{port}"]), contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert operators.operate(work, "drain", "files/f1").returncode == 0
        assert _status(port, "GET", "/v1/state") == 200


def test_old_clients_are_served(work: Path) -> None:
    port = free_port()
    with _balancer(work, bind=[f"127.0.0.1:{port}"]):
        with socket.create_connection(("127.0.0.1", port), waiting.PATIENCE) as client:
            client.sendall(b"GET /v1/version HTTP/1.0\r\n\r\n")
            received = b""
            while part := client.recv(4096):
                received += part
        assert received.startswith(b"HTTP/1.1 200 OK\r\n") and b'"version"' in received
