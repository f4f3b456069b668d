# SPDX-License-Identifier: Apache-2.0
"""`ballast check` while Ballast runs: addresses of the running instance are not a problem, those of
others are."""

import ftplib
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, binary_for_all
from certificates import Authority
from netns import Network
from ports import free_port, free_ports
from servers import TESTER, PyFtpd, ServerTls
from tls import client_context
from wire import Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

NOBODY = pwd.getpwnam("nobody")
DAEMON = pwd.getpwnam("daemon")


def as_user(user: pwd.struct_passwd, *, low_ports: bool = False) -> tuple[str, ...]:
    rights = "-all,+net_bind_service" if low_ports else "-all"
    return (
        *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
        *(f"--inh-caps={rights}", f"--ambient-caps={rights}", "--no-new-privs"),
    )


def given_to(user: pwd.struct_passwd, ballast: Ballast) -> None:
    os.chown(ballast.work, user.pw_uid, user.pw_gid)
    for each in ballast.work.iterdir():
        os.chown(each, user.pw_uid, user.pw_gid)


def check(
    file: Path | Ballast, *words: str, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    path = file.configuration if isinstance(file, Ballast) else file
    return subprocess.run(
        [*prefix, str(binary_for_all() if prefix else BINARY), "check", "-c", str(path), *words],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )


def places(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The keys of the errors."""
    assert done.returncode == 1, done
    places = [line.split(": ")[1] for line in done.stderr.splitlines()]
    return [place for place in places if place != "warning"]


NOT_TRIED = re.compile(r"note: the running Ballast, process (\d+) of the user (\S+), holds (.*): ")


def held(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """The process, the user and the addresses in the note of a successful check."""
    assert done.returncode == 0, done
    assert all(": warning: " in line for line in done.stderr.splitlines()), done
    notes = NOT_TRIED.findall(done.stdout)
    assert len(notes) == 1, done.stdout
    pid, user, addresses = notes[0]
    return int(pid), user, addresses


def simple(work: Path, port: int | None = None, prefix: Sequence[str] = ()) -> Ballast:
    ballast = Ballast(
        work,
        [Listener("ftp", "files", port=port or free_port())],
        [Pool("files", [Backend("only", Place("127.0.0.11", free_port()))])],
        passive_ports=3,
        prefix=prefix,
        binary=binary_for_all() if prefix else BINARY,
    )
    ballast.configuration.write_text(ballast.text())
    return ballast


def without_logs(ballast: Ballast) -> Path:
    """A copy without log files, because another user cannot write the daemon's."""
    copy = ballast.work / "copy.toml"
    text = re.sub(r"^(file|xferlog|json) = .*$", "", ballast.configuration.read_text(), flags=re.M)
    copy.write_text(text)
    return copy


def test_a_running_file_and_a_copy_of_it_are_good(work: Path) -> None:
    ballast = simple(work)
    port = ballast.where()[1]
    assert "note:" not in check(ballast).stdout
    with ballast:
        for file in (ballast.configuration, without_logs(ballast)):
            pid, user, addresses = held(check(file))
            assert (pid, user) == (ballast.pid, "root")
            assert addresses == f"127.0.0.1:{port} and 1 more"
        printed = check(ballast, "--print")
        assert printed.returncode == 0 and "note:" not in printed.stdout
        edited = ballast.work / "edited.toml"
        edited.write_text(printed.stdout)
        assert held(check(edited))[0] == ballast.pid
    assert "note:" not in check(ballast).stdout


def test_bind_tries_every_address(work: Path) -> None:
    ballast = simple(work)
    with ballast:
        done = check(ballast, "--bind")
        assert places(done) == ["listener.ftp.bind[0]", "listener.ftp.bind[1]"]
        assert done.stderr.count("Address already in use") == 2
        assert done.stderr.count(f"a running Ballast, process {ballast.pid} of the user root") == 2
    assert check(ballast, "--bind").returncode == 0


def test_a_start_tries_every_address(work: Path) -> None:
    with simple(work) as ballast:
        command = [str(BINARY), "run", "-c", str(ballast.configuration)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=waiting.PATIENCE, check=False
        )
        assert places(done) == ["listener.ftp.bind[0]", "listener.ftp.bind[1]"]
        assert f"process {ballast.pid} " in done.stderr


def test_a_link_to_the_running_file_is_that_file(work: Path) -> None:
    link = work / "link.toml"
    with simple(work) as ballast:
        link.symlink_to(ballast.configuration)
        assert held(check(link))[0] == ballast.pid


def test_another_address_of_the_same_ports_is_held_as_well(work: Path) -> None:
    """The wildcard conflicts with each address, and each address with the wildcard."""
    ballast = simple(work)
    ballast.listeners["ftp"].addresses = ["0.0.0.0", "::"]
    with ballast:
        text = without_logs(ballast).read_text()
        file = work / "one.toml"
        file.write_text(text.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]"))
        assert held(check(file))[2].startswith("127.0.0.1:")
    file.write_text(text)
    ballast.listeners["ftp"].addresses = ["127.0.0.1", "::1"]
    ballast.log.unlink()  # `start` waits for a line in it
    with ballast:
        assert held(check(file))[2].startswith("0.0.0.0:")


def test_two_addresses_that_exclude_each_other_are_found(work: Path) -> None:
    with simple(work) as ballast:
        port = ballast.where()[1]
        text = without_logs(ballast).read_text()
        file = work / "both.toml"
        file.write_text(text.replace(f'"[::1]:{port}"', f'"0.0.0.0:{port}"'))
        done = check(file)
        assert places(done) == ["listener.ftp.bind[1]"]
        assert f"127.0.0.1:{port} in this file conflicts with it" in done.stderr


@pytest.mark.parametrize("listens", [True, False])
def test_an_address_of_another_program_is_an_error(listens: bool, work: Path) -> None:
    with simple(work) as ballast, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listens:
            other.listen()
        port = other.getsockname()[1]
        text = without_logs(ballast).read_text()
        file = work / "other.toml"
        file.write_text(text.replace(f'"[::1]:{ballast.where()[1]}"', f'"127.0.0.1:{port}"'))
        done = check(file)
        assert places(done) == ["listener.ftp.bind[1]"]
        assert f"127.0.0.1:{port}: Address already in use" in done.stderr
        assert "stop the program that uses it" in done.stderr


def test_an_address_of_another_instance_is_an_error(work: Path) -> None:
    """Of two instances, the one from this very file counts; else the first that holds the address."""
    with simple(work / "one") as one, simple(work / "two") as two:
        ports = [each.where()[1] for each in (one, two)]
        text = without_logs(one).read_text()
        copy = work / "both.toml"
        for mine, other in ((one, two), (two, one)):
            binds = [f'"127.0.0.1:{each.where()[1]}"' for each in (mine, other)]
            copy.write_text(re.sub(r"^bind = .*$", f"bind = [{', '.join(binds)}]", text, flags=re.M))
            done = check(copy)
            assert places(done) == ["listener.ftp.bind[1]"]
            assert f"process {other.pid} of the user root" in done.stderr
            assert "runs another file" in done.stderr
        # The second's file names only the first's addresses.
        kept = two.configuration.read_text()
        two.configuration.write_text(kept.replace(str(ports[1]), str(ports[0])))
        done = check(two)
        assert places(done) == ["listener.ftp.bind[0]", "listener.ftp.bind[1]"]
        assert done.stderr.count(f"process {one.pid} ") == 2
        two.configuration.write_text(kept)
        assert held(check(two))[0] == two.pid


def _hold_a_passive_port(ballast: Ballast) -> Wire:
    wire = Wire(ballast.where())
    wire.log_in()
    wire.send("EPSV")
    assert wire.reply().code == 229
    return wire


def test_passive_ports_that_it_holds_are_no_problem(work: Path) -> None:
    server = PyFtpd(work, work / "files", "127.0.0.181")
    ballast = Ballast(
        work,
        [Listener("ftp", "files", ["127.0.0.1"])],
        [Pool("files", [Backend("only", server)])],
        passive_ports=1,
    )
    (port,) = ballast.passive_ports
    with server, ballast:
        with socket.create_server(("127.0.0.1", port)):
            done = check(ballast)
            assert places(done) == ["listener.ftp.passive_ports"]
            assert f"no port of {port}" in done.stderr
        wire = _hold_a_passive_port(ballast)
        assert held(check(ballast))[0] == ballast.pid
        assert places(check(ballast, "--bind"))[-1] == "listener.ftp.passive_ports"
        wire.close()


def test_a_check_takes_no_port_from_the_running_instance(work: Path) -> None:
    """It does not listen on ports that transfers may get at the same time."""
    server = PyFtpd(work, work / "files", "127.0.0.181")
    (server.root / "file").write_bytes(b"content")
    ballast = Ballast(
        work,
        [Listener("ftp", "files", ["127.0.0.1"])],
        [Pool("files", [Backend("only", server)])],
        passive_ports=1,
    )
    with server, ballast:
        checks = [
            subprocess.Popen(
                [BINARY, "check", "-c", ballast.configuration], stdout=subprocess.DEVNULL
            )
            for _ in range(10)
        ]
        client = ftplib.FTP(timeout=waiting.PATIENCE)
        client.connect(*ballast.where())
        client.login(TESTER.name, TESTER.password)
        got: list[bytes] = []
        client.retrbinary("RETR file", got.append)
        assert b"".join(got) == b"content"
        client.quit()
        for each in checks:
            assert each.wait(waiting.PATIENCE) == 0
        assert ballast.counters()["passive_ports_exhausted"] == 0


def test_slices_that_it_holds_are_no_problem(work: Path) -> None:
    authority = Authority(work)
    identity = authority.issue("ftp.example.com", addresses=["127.0.0.1"])
    first = free_ports(3)
    ports = range(first, first + 3)
    server = PyFtpd(
        *(work, work / "files", "127.0.0.181"),
        tls=ServerTls(identity, required="data"),
    )
    slice_of = {"passive_ports": f"{ports[0]}-{ports[-1]}"}
    ballast = Ballast(
        work,
        [Listener("sealed", "files", ["127.0.0.1"], {"mode": "passthrough"})],
        [Pool("files", [Backend("only", server, slice_of)])],
    )
    ballast.passive_ports = range(0)
    with server, ballast:
        assert held(check(ballast))[2] == f"127.0.0.1:{ballast.where()[1]}"
        client = ftplib.FTP_TLS(context=client_context(authority.certificate), timeout=waiting.PATIENCE)
        client.connect(*ballast.where())
        client.login(TESTER.name, TESTER.password)
        assert held(check(ballast))[2].endswith(f" and {len(ports)} more")
        tried = check(ballast, "--bind")
        assert places(tried).count("pool.files.backend[0].passive_ports") == len(ports)
        client.quit()
        client.close()
    # One of the ports belongs to another program.
    ballast.log.unlink()  # `start` waits for a line in it
    with ballast, socket.create_server(("127.0.0.1", ports[1])):
        done = check(ballast)
        assert places(done) == ["pool.files.backend[0].passive_ports"]
        assert f"127.0.0.1:{ports[1]}" in done.stderr


# Which user checks, and which user runs Ballast.


def test_another_user_checks_what_root_runs(work: Path) -> None:
    ballast = simple(work)
    with ballast:
        copy = without_logs(ballast)
        assert held(check(copy, prefix=as_user(NOBODY)))[:2] == (ballast.pid, "root")
        assert held(check(copy, "--user", "nobody"))[:2] == (ballast.pid, "root")


def test_a_user_checks_what_the_same_user_runs(work: Path) -> None:
    ballast = simple(work, prefix=as_user(NOBODY))
    given_to(NOBODY, ballast)
    with ballast:
        mine = (ballast.pid, "nobody")
        assert held(check(ballast, prefix=as_user(NOBODY)))[:2] == mine
        assert held(check(ballast, "--user", "nobody"))[:2] == mine


def test_a_user_of_no_consequence_is_not_believed(work: Path) -> None:
    """Anybody can start a Ballast on a high port, and a real start would still fail."""
    ballast = simple(work, prefix=as_user(NOBODY))
    given_to(NOBODY, ballast)
    with ballast:
        copy = without_logs(ballast)
        for done in (check(copy), check(copy, prefix=as_user(DAEMON))):
            assert places(done) == ["listener.ftp.bind[0]", "listener.ftp.bind[1]"]
            assert f"process {ballast.pid} of the user nobody" in done.stderr
            assert "check as root with --user nobody" in done.stderr


def test_whoever_has_a_low_port_is_believed(work: Path) -> None:
    """The instance of a service, checked by root, by itself and by others."""
    with Network() as network:
        there = network.add("service").prefix
        ballast = simple(work, 21, (*there, *as_user(NOBODY, low_ports=True)))
        given_to(NOBODY, ballast)
        with ballast:
            mine = (ballast.pid, "nobody", "127.0.0.1:21 and 1 more")
            assert held(check(ballast, prefix=there)) == mine
            copy = without_logs(ballast)
            for user in (NOBODY, DAEMON):
                able = as_user(user, low_ports=True)
                assert held(check(copy, prefix=(*there, *able))) == mine
            # A held port does not give the right to bind it.
            done = check(copy, prefix=(*there, *as_user(DAEMON)))
            assert places(done) == ["listener.ftp.bind[0]", "listener.ftp.bind[1]"]
            assert done.stderr.count("Permission denied") == 2
        # In another network nobody holds anything.
        other = network.add("other").prefix
        assert "note:" not in check(ballast, prefix=other).stdout


IMPOSTOR = """
import socket, sys, time
port, name = int(sys.argv[1]), sys.argv[2]
listening = socket.create_server(("127.0.0.1", port)) if sys.argv[3] == "listens" else None
claim = socket.socket(socket.AF_UNIX)
claim.bind("\\0" + name)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def impostors() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for each in started:
        each.kill()
        each.wait()
        assert each.stdout
        each.stdout.close()


def _claims() -> list[str]:
    names = Path("/proc/net/unix").read_text().split()
    return [name.removeprefix("@") for name in names if name.startswith("@ballast-listens/")]


def test_a_stranger_cannot_make_a_check_content(
    work: Path, impostors: list[subprocess.Popen[str]]
) -> None:
    """Neither with its own port nor with another program's port."""

    def pretend(port: int, what: str, pid: int) -> None:
        mark = claim.split("/")[2]
        name = f"ballast-listens/{pid}/{mark}/127.0.0.1:{port}"
        words = [*as_user(DAEMON), sys.executable, "-c", IMPOSTOR, str(port), name, what]
        impostors.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert impostors[-1].stdout and impostors[-1].stdout.readline() == "ready\n"

    with simple(work) as ballast, socket.create_server(("127.0.0.1", 0)) as other:
        own = ballast.where()[1]
        claim = next(each for each in _claims() if each.endswith(f"127.0.0.1:{own}"))
        text = without_logs(ballast).read_text()
        file = work / "other.toml"
        squatted, foreign, free = free_port(), other.getsockname()[1], free_port()
        # The name of the right process does not help: the system knows the owner.
        for pid in (ballast.pid, 4242):
            pretend(squatted if pid == 4242 else foreign, "listens" if pid == 4242 else "no", pid)
        # Nor does the name of the process that has the port.
        pretend(foreign, "no", os.getpid())
        pretend(free, "no", ballast.pid)
        for port in (squatted, foreign):
            file.write_text(text.replace(f'"[::1]:{own}"', f'"127.0.0.1:{port}"'))
            assert places(check(file)) == ["listener.ftp.bind[1]"]
        # A free port is tried, whatever a program claims.
        file.write_text(text.replace(f'"[::1]:{own}"', f'"127.0.0.1:{free}"'))
        assert held(check(file)) == (ballast.pid, "root", f"127.0.0.1:{own}")


def test_names_end_with_the_process(work: Path) -> None:
    ballast = simple(work)
    with ballast:
        mine = [each for each in _claims() if each.split("/")[1] == str(ballast.pid)]
        assert len(mine) == 2
        pid = ballast.pid
        # Nobody can connect to these sockets.
        with socket.socket(socket.AF_UNIX) as stranger:
            with pytest.raises(ConnectionRefusedError):
                stranger.connect("\0" + mine[0])
    assert not [each for each in _claims() if each.split("/")[1] == str(pid)]
