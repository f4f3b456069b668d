# SPDX-License-Identifier: Apache-2.0
"""Operators and the running balancer: the socket, the HTTP API, and the commands that use them."""

import contextlib
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, run_ballast, binary_for_all
from operators import ask, operate, socket_path, states
from ports import free_port
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

DRAIN = {"state": "drain"}


def _balancer(work: Path, name: str = "ballast", **admin: object) -> Ballast:
    """A balancer with a socket; its backends do not exist."""
    return _with_settings(work, operators.settings(work, **admin), name)


def _with_settings(
    work: Path, settings: dict[str, Any], name: str = "ballast", prefix: Sequence[str] = ()
) -> Ballast:
    backends = [Backend(each, Place("127.0.0.1", free_port())) for each in ("f1", "f2")]
    return Ballast(
        work / name,
        [Listener("ftp", "files", ["127.0.0.1"])],
        [Pool("files", backends)],
        settings=settings,
        prefix=prefix,
    )


@contextlib.contextmanager
def _connected(work: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        # Not with a timeout: Python would not wait for a place in the backlog.
        client.connect(str(socket_path(work)))
        client.settimeout(waiting.PATIENCE)
        yield client


def _all_of(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            received += part
    return received


# The socket


def test_the_socket_is_for_the_user_and_the_group_and_goes_with_the_daemon(work: Path) -> None:
    with _balancer(work, group="nogroup") as it:
        found = socket_path(work).stat()
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660
        assert found.st_gid == pwd.getpwnam("nobody").pw_gid
        line = it.wait_for_log(
            "where it listens", lambda line: line["message"] == "listening for operators"
        )
        assert line["socket"] == str(socket_path(work))
    assert not socket_path(work).exists()


def _as_user(user: int, group: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary_for_all(), *words],
        user=user,
        group=group,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )


def test_only_members_of_the_group_may_operate(work: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    words = ("backends", "--socket", socket_path(work))
    with _balancer(work, group="nogroup"):
        member = _as_user(nobody.pw_uid, nobody.pw_gid, *words)
        assert member.returncode == 0, member
        stranger = _as_user(nobody.pw_uid, pwd.getpwnam("daemon").pw_gid, *words)
        assert stranger.returncode == 2
        assert "Permission denied (run this as root, as Ballast's user, or as a member of" in (
            stranger.stderr
        )


def test_a_socket_of_a_killed_daemon_is_replaced(work: Path) -> None:
    killed = _balancer(work, "killed")
    killed.start()
    killed.kill()
    assert socket_path(work).exists()
    with _balancer(work):
        assert ask(work, "GET", "/v1/version")[0] == 200


def test_two_daemons_do_not_share_a_socket(work: Path) -> None:
    with _balancer(work):
        second = _balancer(work, "second")
        second.configuration.write_text(second.text())
        done = run_ballast("run", "-c", second.configuration)
        assert done.returncode == 1
        assert f"admin.socket: another Ballast runs with the socket {socket_path(work)}" in (
            done.stderr
        )
        assert ask(work, "GET", "/v1/version")[0] == 200


def test_a_daemon_without_the_default_folder_runs_without_a_socket(work: Path) -> None:
    # Its own /run, in case this machine has the folder.
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh")
    with _with_settings(work, {}, prefix=hidden) as it:
        line = it.wait_for_log(
            "why there is none", lambda line: line["message"] == "no socket for operators"
        )
        assert line["level"] == "info" and "/run/ballast/admin.sock" in line["reason"]


@pytest.mark.parametrize("command", ["check", "run"])
def test_what_cannot_work_is_a_problem_before_the_start(command: str, work: Path) -> None:
    settings = {
        "socket": "/no-such-folder/sock",
        "group": "no-such-group",
        "state_file": str(work / "none/state.json"),
    }
    it = _with_settings(work, {"admin": settings})
    it.configuration.write_text(it.text())
    done = run_ballast(command, "-c", it.configuration)
    assert done.returncode == 1
    assert "admin.group: there is no group no-such-group" in done.stderr
    assert f"admin.state_file: cannot write {work}/none/state.json" in done.stderr
    assert "admin.socket: cannot write /no-such-folder/sock" in done.stderr


def test_check_does_not_mind_the_socket_of_the_running_daemon(work: Path) -> None:
    with _balancer(work) as it:
        done = run_ballast("check", "-c", it.configuration)
        assert done.returncode == 0, done
        assert ask(work, "GET", "/v1/version")[0] == 200


# The commands


def test_states_are_shown_and_changed(work: Path) -> None:
    with _balancer(work) as it:
        assert operate(work, "drain", "files/f1").stdout == (
            "files/f1 is draining, sessions left: 0\n"
        )
        assert operate(work, "disable", "files/f2").stdout == "files/f2 is disabled\n"
        assert states(work) == {"files/f1": "drain", "files/f2": "disabled"}
        operate(work, "drain", "files/f1", "--idle")
        assert states(work)["files/f1"] == "drain-idle"
        operate(work, "ready", "files/f2")
        table = operate(work, "backends").stdout.splitlines()
        assert [line.split()[:3:2] for line in table] == [
            ["BACKEND", "STATE"],
            ["files/f1", "drain-idle"],
            ["files/f2", "ready"],
        ]
        line = it.wait_for_log(
            "who did it", lambda line: "files/f2/state" in line.get("request", "")
        )
        assert line["user"] == os.geteuid() and line["status"] == 200


def test_the_configuration_names_the_socket(work: Path) -> None:
    with _balancer(work) as it:
        done = run_ballast("backends", "-c", it.configuration)
        assert done.returncode == 0 and "files/f1" in done.stdout


def test_what_is_refused_ends_with_1_and_says_what_would_be_right(work: Path) -> None:
    with _balancer(work):
        for target, why in {
            "files/f3": "pool 'files' has no backend 'f3' (use f1 or f2)\n",
            "web/f1": "there is no pool 'web' with backends (use files)\n",
            "files/../f1": "pool 'files' has no backend '../f1' (use f1 or f2)\n",
            "files/f1\n": "pool 'files' has no backend 'f1\\x0a' (use f1 or f2)\n",
        }.items():
            done = operate(work, "drain", target, status=1)
            assert done.stderr == why and done.stdout == ""
        assert set(states(work).values()) == {"ready"}


def test_a_daemon_that_cannot_be_reached_ends_with_2_and_says_what_to_do(work: Path) -> None:
    done = operate(work, "reload", status=2)
    assert f"cannot reach Ballast at {socket_path(work)}: No such file or directory" in done.stderr
    killed = _balancer(work)
    killed.start()
    killed.kill()
    done = operate(work, "reload", status=2)
    assert "Connection refused (it has ended: start it)" in done.stderr
    done = run_ballast("reload", "-c", work / "none.toml")
    assert done.returncode == 2 and "(name the socket with --socket)" in done.stderr


def test_a_hung_server_of_another_kind_is_not_taken_for_ballast(work: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(socket_path(work)))
        other.listen()
        with subprocess.Popen(
            [BINARY, "reload", "--socket", socket_path(work)], stderr=subprocess.PIPE, text=True
        ) as asking:
            accepted, _ = other.accept()
            accepted.sendall(b"220 FTP server ready\r\n")
            accepted.close()
            _, said = asking.communicate(timeout=waiting.PATIENCE)
        assert asking.returncode == 2 and "does not reply" in said


def test_reopen_is_for_logrotate(work: Path) -> None:
    with _balancer(work) as it:
        old = it.log.rename(it.log.with_suffix(".1"))
        operate(work, "reopen")
        it.wait_for_log("the line", lambda line: "/v1/reopen" in line.get("request", ""))
        assert "/v1/reopen" not in old.read_text()


# What outlives a restart


def test_states_outlive_a_restart_if_the_settings_name_a_file(work: Path) -> None:
    file = work / "state.json"
    it = _balancer(work, state_file=str(file))
    with it:
        operate(work, "drain", "files/f1")
        operate(work, "drain", "--all")
    assert json.loads(file.read_text())["state"] == "drain"
    it.log.unlink()
    with it:
        assert states(work) == {"files/f1": "drain", "files/f2": "ready"}
        assert ask(work, "GET", "/v1/state")[1]["state"] == "drain"
        operate(work, "ready", "--all")
        operate(work, "ready", "files/f1")
    it.log.unlink()
    with it:
        assert set(states(work).values()) == {"ready"}
        with Wire(it.where()) as client:
            client.greeting()


def test_a_damaged_state_file_is_logged_and_replaced(work: Path) -> None:
    file = work / "state.json"
    file.write_text('{"state":"drain","backends":[{')
    with _balancer(work, state_file=str(file)) as it:
        line = it.wait_for_log(
            "the warning", lambda line: "file of administrative states" in line["message"]
        )
        assert line["level"] == "warning" and line["file"] == str(file)
        assert set(states(work).values()) == {"ready"}
        operate(work, "drain", "files/f2")
        assert json.loads(file.read_text())["backends"] == [
            {"pool": "files", "backend": "f2", "state": "drain"}
        ]


def test_states_are_in_memory_only_without_a_file(work: Path) -> None:
    it = _balancer(work)
    with it:
        operate(work, "drain", "files/f1")
    it.log.unlink()
    with it:
        assert set(states(work).values()) == {"ready"}


# Clients that mean no good


def test_silent_connections_lock_nobody_out(work: Path) -> None:
    with _balancer(work) as it, contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(_connected(work))
            if number % 2:
                client.sendall(b"PUT /v1/state HTTP/1.1\r\n")
        assert ask(work, "GET", "/v1/version")[0] == 200
        with Wire(it.where()) as visitor:
            visitor.greeting()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"USER anonymous\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET /" + b"x" * 100_000, b"431"),
        (b"PUT /v1/state HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /v1/%zz HTTP/1.1\r\nConnection: close\r\n\r\n", b"400"),
        (b"PUT /v1/state HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        (b"DELETE /v1/state HTTP/1.1\r\nConnection: close\r\n\r\n", b"405"),
    ],
    ids=lambda each: str(each[:12]),
)
def test_nonsense_is_refused_in_json(sent: bytes, status: bytes, work: Path) -> None:
    with _balancer(work):
        with _connected(work) as client:
            with contextlib.suppress(BrokenPipeError):
                client.sendall(sent)
            header, _, body = _all_of(client).partition(b"\r\n\r\n")
        assert header.startswith(b"HTTP/1.1 " + status), header
        assert json.loads(body)["detail"]
        assert set(states(work).values()) == {"ready"}


def test_a_request_that_never_ends_is_given_up(work: Path) -> None:
    with _balancer(work), _connected(work) as client:
        client.sendall(b"GET /v1/version HTTP/1.1\r\n")
        assert _all_of(client).startswith(b"HTTP/1.1 408 ")


def test_a_stopped_client_does_not_stop_the_daemon(work: Path) -> None:
    """It asks for more than its socket holds, and reads none of it."""
    with _balancer(work) as it, _connected(work) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(b"GET /v1/backends HTTP/1.1\r\n\r\n" * 100)
        assert ask(work, "GET", "/v1/version")[0] == 200
        os.kill(it.pid, signal.SIGUSR1)
        it.wait_for_log("the counters", lambda line: line["message"] == "counters")


# Reload


def test_reload_returns_when_the_new_configuration_is_in_use(work: Path) -> None:
    with _balancer(work) as it:
        operate(work, "drain", "files/f1")
        nobody = Place("127.0.0.1", free_port())
        it.pools["files"].backends = [*it.pools["files"].backends, Backend("f3", nobody)]
        it.configuration.write_text(it.text())
        assert operate(work, "reload").stdout == "reloaded\n"
        assert states(work) == {"files/f1": "drain", "files/f2": "ready", "files/f3": "ready"}


def test_reload_says_what_needs_a_restart(work: Path) -> None:
    with _balancer(work) as it:
        it.configuration.write_text("workers = 3\n" + it.text())
        done = operate(work, "reload")
        assert done.stdout == "reloaded\n"
        assert done.stderr.startswith("needs a restart: workers")


def test_reload_prints_every_problem_and_changes_nothing(work: Path) -> None:
    with _balancer(work) as it:
        whole = it.text()
        it.configuration.write_text(whole.replace("[pool.files]", "[pool.files]\nbalance = 'x'\nfoo = 1"))
        done = operate(work, "reload", status=1)
        assert done.stdout == ""
        assert "pool.files.balance: " in done.stderr and "pool.files.foo: " in done.stderr
        assert str(it.configuration) in done.stderr.splitlines()[0]
        assert done.stderr.endswith("(correct them and reload again)\n")
        status, answer = ask(work, "POST", "/v1/reload")
        assert status == 422 and not answer["applied"] and len(answer["problems"]) == 2
        assert set(states(work)) == {"files/f1", "files/f2"}


def test_the_state_of_the_balancer_outlives_a_reload_with_a_new_pool(work: Path) -> None:
    with _balancer(work) as it:
        operate(work, "disable", "--all")
        nobody = Place("127.0.0.1", free_port())
        it.pools["more"] = Pool("more", [Backend("m1", nobody)])
        it.configuration.write_text(it.text())
        operate(work, "reload")
        assert ask(work, "GET", "/v1/state")[1]["state"] == "disabled"
        assert states(work)["more/m1"] == "ready"
        with Wire(it.where()) as client:
            assert client.reply().code == 421
        operate(work, "ready", "--all")
        with Wire(it.where()) as client:
            client.greeting()


def test_a_state_for_a_backend_that_a_reload_brings_back_holds(work: Path) -> None:
    with _balancer(work, state_file=str(work / "state.json")) as it:
        both = list(it.pools["files"].backends)
        operate(work, "drain", "files/f2")
        for present in (both[:1], both):
            it.pools["files"].backends = present
            it.configuration.write_text(it.text())
            operate(work, "reload")
        assert states(work) == {"files/f1": "ready", "files/f2": "drain"}
