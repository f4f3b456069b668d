# SPDX-License-Identifier: Apache-2.0
"""The daemon's rights, and what others may learn from it: its user, its unit, its memory."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, Backend, Ballast, Listener, Place, Pool, login_probe, run_ballast
from certificates import Authority, for_loopback
from netns import Network
from ports import free_port
from sanitizers import SANITIZER
from servers import REPOSITORY, TESTER, PyFtpd
from tls import client_context
from wire import TlsWire, Wire

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer")

UNIT = REPOSITORY / "packaging/ballast.service"
NOBODY = pwd.getpwnam("nobody")
# As in the unit.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY.pw_uid}",
    f"--regid={NOBODY.pw_gid}",
    "--clear-groups",
    "--inh-caps=-all,+net_bind_service",
    "--ambient-caps=-all,+net_bind_service",
    "--bounding-set=-all,+net_bind_service",
    "--no-new-privs",
)
NET_BIND_SERVICE = 1 << 10


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.181") as server:
        yield server


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, words)],
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )


def test_the_unit_is_hardened(work: Path) -> None:
    # A threshold of 20 means an exposure of 2.0; a worse one fails.
    done = _run("systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    copy = work / "ballast.service"
    copy.write_text(UNIT.read_text().replace("/usr/bin/ballast", str(BINARY)))
    done = _run("systemd-analyze", "verify", "--man=no", copy)
    assert done.returncode == 0 and str(copy) not in done.stderr, done.stderr


def _given_to_nobody(ballast: Ballast) -> None:
    os.chown(ballast.work, NOBODY.pw_uid, NOBODY.pw_gid)


def test_it_serves_as_a_user_of_its_own(work: Path) -> None:
    """On ports 21 and 990, from port 20, with a key that only its group may read."""
    authority = Authority(work)
    identity = for_loopback(authority, "ftp.example.com")
    for file in (identity.certificate, identity.key):
        os.chown(file, 0, NOBODY.pw_gid)
        file.chmod(0o640)
    authority.directory.chmod(0o755)
    with Network() as network:
        namespace = network.add("privileges")
        server = PyFtpd(work, work / "files", "127.0.0.181", prefix=namespace.prefix)
        (server.root / "file").write_bytes(b"content")
        listener = Listener(
            *("ftp", "files", ["127.0.0.1"], {"active_source_port": 20}),
            port=21,
            tls={"certificate": identity.certificate, "key": identity.key},
            implicit_port=990,
        )
        pool = Pool("files", [Backend("only", server)])
        ballast = Ballast(work, [listener], [pool], prefix=(*namespace.prefix, *AS_NOBODY))
        _given_to_nobody(ballast)
        with server, ballast:
            status = Path(f"/proc/{ballast.pid}/status").read_text()
            fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
            assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == NET_BIND_SERVICE
            assert fields["Uid"].split() == [str(NOBODY.pw_uid)] * 4
            curl = [*namespace.prefix, "curl", "-sS", "--user", f"{TESTER.name}:{TESTER.password}"]
            curl += ["--cacert", str(authority.certificate)]
            for words in (
                ["ftp://127.0.0.1/file"],
                ["--ftp-port", "-", "ftp://127.0.0.1/file"],
                ["--ssl-reqd", "ftp://localhost/file", "-4"],
                ["ftps://localhost/file", "-4"],
            ):
                done = _run(*curl, *words)
                assert done.stdout == "content", (words, done.stderr)


def _checked(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_ballast("check", "-c", file, *words)


def test_check_tells_what_the_user_cannot_read(work: Path) -> None:
    authority = Authority(work)
    authority.directory.chmod(0o755)
    identity = for_loopback(authority, "ftp.example.com")
    probe = login_probe(work)
    listener = Listener(
        *("ftp", "files", ["127.0.0.1"]),
        tls={"certificate": identity.certificate, "key": identity.key},
        port=1023,
    )
    pool = Pool("files", [Backend("only", Place("127.0.0.182", free_port()))], probe=probe)
    ballast = Ballast(work, [listener], [pool])
    _given_to_nobody(ballast)
    file = ballast.configuration
    file.write_text(ballast.text())
    secret = Path(probe["password_file"])

    # Root reads everything.
    assert _checked(file).returncode == 0
    done = _checked(file, "--user", "nobody")
    assert done.returncode == 1
    assert f"cannot read {secret}" in done.stderr and str(identity.key) in done.stderr
    # The check includes the right to low ports.
    assert "Permission denied" in done.stderr and "binding" not in done.stderr

    for each in (secret, identity.key):
        os.chown(each, 0, NOBODY.pw_gid)
        each.chmod(0o640)
    done = _checked(file, "--user", "nobody")
    assert done.returncode == 0, done.stderr
    assert "warning:" not in done.stderr
    assert "ok for nobody, 1 listener" in done.stdout

    secret.chmod(0o644)
    identity.key.chmod(0o644)
    done = _checked(file, "--user", "nobody")
    assert done.returncode == 0
    for each in (secret, identity.key):
        assert f"every user of this machine can read {each}" in done.stderr

    done = _checked(file, "--user", "nobody-of-this-name")
    assert done.returncode == 1 and "there is no user" in done.stderr
    done = _run(*AS_NOBODY, BINARY, "check", "-c", file, "--user", "root")
    assert done.returncode == 1 and "run this as root" in done.stderr


WITHOUT_LOW_PORTS = (
    "setpriv",
    "--inh-caps=-net_bind_service",
    "--bounding-set=-net_bind_service",
)


def test_check_tells_which_ports_the_user_needs_a_right_for(work: Path) -> None:
    pool = Pool("files", [Backend("only", Place("127.0.0.182", free_port()))])
    with Network() as network:
        there = network.add("ports").prefix
        for port, source, said in ((21, 20, "20-21"), (1023, 0, "1023"), (1024, 0, "")):
            settings = {"active_source_port": source} if source else {}
            listener = Listener("ftp", "files", ["127.0.0.1"], settings, port=port)
            ballast = Ballast(work / str(port), [listener], [pool])
            _given_to_nobody(ballast)
            file = ballast.configuration
            file.write_text(ballast.text())
            command = (str(BINARY), "check", "-c", str(file), "--user", "nobody")
            done = _run(*there, *command)
            assert done.returncode == 0, done.stderr
            note = f"note: nobody may bind {said} because it has CAP_NET_BIND_SERVICE"
            assert (note in done.stdout) == bool(said), done.stdout
            assert ("may bind" in done.stdout) == bool(said), done.stdout
            # Root without that right, as in some containers.
            done = _run(*there, *WITHOUT_LOW_PORTS, *command)
            assert done.returncode == (1 if said else 0), done
            assert ("Permission denied" in done.stderr) == bool(said)
            assert ("or use a port above 1023" in done.stderr) == bool(said)
        # A system that requires no right for low ports.
        start = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
        assert _run(*there, "sh", "-c", f"echo 0 > {start}").returncode == 0
        file = work / "21/ballast/ballast.toml"
        command = (str(BINARY), "check", "-c", str(file), "--user", "nobody")
        done = _run(*there, *WITHOUT_LOW_PORTS, *command)
        assert done.returncode == 0 and "may bind" not in done.stdout, done


@pytest.mark.parametrize("core_dumps", [False, True])
def test_nobody_looks_into_it(core_dumps: bool, work: Path, server: PyFtpd) -> None:
    ballast = Ballast(
        *(work, [Listener("ftp", "files")], [Pool("files", [Backend("only", server)])]),
        settings={"core_dumps": core_dumps},
        prefix=("prlimit", "--core=1000000:1000000", *AS_NOBODY),
    )
    _given_to_nobody(ballast)
    with ballast:
        limits = Path(f"/proc/{ballast.pid}/limits").read_text()
        size = re.search(r"Max core file size +(\S+)", limits)
        assert size and size[1] == ("1000000" if core_dumps else "0")
        # Not even the same user can read it.
        done = _run(*AS_NOBODY, "cat", f"/proc/{ballast.pid}/environ")
        assert (done.returncode == 0) == core_dumps, done.stderr


def _memory(pid: int) -> Iterator[bytes]:
    """All writable memory of the process."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(each, 16) for each in place.split("-"))
            memory.seek(begin)
            try:
                yield memory.read(end - begin)
            except OSError:
                assert "[v" in line, line  # mapped by the kernel itself


def _holds(ballast: Ballast, words: list[bytes]) -> list[bytes]:
    found = set()
    for part in _memory(ballast.pid):
        found.update(word for word in words if word in part)
    return sorted(found)


@pytest.mark.skipif(SANITIZER != "", reason="a sanitizer keeps freed memory, and maps terabytes")
def test_no_password_stays_in_memory(work: Path, server: PyFtpd) -> None:
    authority = Authority(work)
    identity = for_loopback(authority, "ftp.example.com")
    listener = Listener(
        *("ftp", "files", ["127.0.0.1"]),
        tls={"certificate": identity.certificate, "key": identity.key},
    )
    context = client_context(authority.certificate)
    # Different lengths, which strings store in different places.
    wrong = [b"Zq9-Xw", b"Mid-Kw9!x", b"Short-but-heap-16", b"Long-" + b"x7" * 200]
    far = b"Far-behind-secret"
    with Ballast(work, [listener], [Pool("files", [Backend("only", server)])]) as ballast:

        def spoil(wire: Wire, word: bytes) -> None:
            wire.expect(f"USER {TESTER.name}", 331)
            wire.send_bytes(b"PASS " + word[:3])
            # The rest comes later, so Ballast must join both parts.
            wire.send_bytes(word[3:] + b"\r\n")
            assert wire.reply().code == 530

        with Wire(ballast.where()) as plain, Wire(ballast.where()) as inside:
            with TlsWire(ballast.where(), context, server_name="ftp.example.com") as secured:
                inside.log_in()
                plain.greeting()
                secured.greeting()
                secured.secure()
                for word in wrong[:2]:
                    spoil(plain, word)
                    spoil(secured, word)
                with Wire(ballast.where()) as once:
                    once.greeting()
                    for word in wrong[2:]:
                        spoil(once, word)
                    # Far back in the read buffer, with nothing after it.
                    with TlsWire(ballast.where(), context, server_name="ftp.example.com") as other:
                        other.greeting()
                        other.secure()
                        for wire in (once, other):
                            wire.expect(f"USER {TESTER.name}", 331)
                            wire.send_bytes(b"NOOP " + b"y" * 3000 + b"\r\nPASS " + far + b"\r\n")
                            assert [wire.reply().code for _ in range(2)] == [200, 530]
                with Wire(ballast.where()) as pipelined:
                    pipelined.greeting()
                    pipelined.send(f"USER {TESTER.name}", f"PASS {TESTER.password}", "PWD", "NOOP")
                    assert [pipelined.reply().code for _ in range(4)] == [331, 230, 257, 200]
                secured.expect(f"USER {TESTER.name}", 331)
                secured.expect(f"PASS {TESTER.password}", 230)
                secrets = [*wrong, far, b"-Kw9!x", TESTER.password.encode()]
                # The search finds a word that is there.
                assert _holds(ballast, [TESTER.name.encode()]) == [TESTER.name.encode()]
                assert _holds(ballast, secrets) == []
        assert _holds(ballast, secrets) == []
