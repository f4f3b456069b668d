# SPDX-License-Identifier: Apache-2.0
"""Problems that `ballast check` finds on the machine: files, names and ports, with their texts."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ballast import (
    BINARY,
    DIRECT,
    LOOPBACK,
    NO_PROBE,
    Backend,
    Ballast,
    Listener,
    Place,
    Pool,
    backends_file,
    run_ballast,
)
from certificates import Authority
from dns import NameServer
from netns import Network

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

SERVER = Place("127.0.0.11", 2121)


def _configured(
    work: Path,
    *,
    listener: dict[str, Any] | None = None,
    tls: dict[str, Any] | None = None,
    pool: dict[str, Any] | None = None,
    probe: dict[str, Any] | None = None,
    pool_tls: dict[str, Any] | None = None,
    backend: Backend | None = None,
) -> Path:
    """A configuration that is correct except for these settings."""
    it = Ballast(
        work,
        [Listener("ftp", "files", LOOPBACK, listener or {}, tls=tls)],
        [
            Pool(
                "files",
                [backend or Backend("only", SERVER)],
                pool or {},
                probe=probe or NO_PROBE,
                tls=pool_tls,
            )
        ],
    )
    it.configuration.write_text(it.text())
    return it.configuration


def _said(path: Path, *, prefix: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """The exit status and each line, without file, line and column."""
    if prefix:
        done = subprocess.run(
            [*prefix, str(BINARY), "check", "-c", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    else:
        done = run_ballast("check", "-c", path)
    place = re.compile(rf"^{re.escape(str(path))}:\d+:\d+: ")
    lines = done.stderr.splitlines()
    assert all(place.match(line) for line in lines), lines
    return done.returncode, [place.sub("", line) for line in lines]


def test_nothing_is_wrong_without_reason(work: Path) -> None:
    assert _said(_configured(work)) == (0, [])


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        (timedelta(days=-3), "the certificate in {} has expired"),
        (timedelta(minutes=-5), "the certificate in {} has expired"),
        (timedelta(days=3, hours=1), "the certificate in {} expires in 3 days"),
        (timedelta(days=1, hours=1), "the certificate in {} expires in 1 day"),
        (timedelta(days=20), None),
    ],
)
def test_a_certificate_that_expires(ends: timedelta, text: str | None, work: Path) -> None:
    authority = Authority(work)
    begins = timedelta(days=-9)
    identity = authority.issue("ftp.example.com", begins=begins, ends=ends)
    front = {"certificate": identity.certificate, "key": identity.key}
    behind = {"mode": "explicit", "ca": authority.certificate, **front}
    path = _configured(work, tls=front, pool_tls=behind)
    expected = []
    if text is not None:
        what = text.format(identity.certificate) + " (replace it)"
        expected = [
            f"warning: listener.ftp.tls.certificate: {what}",
            f"warning: pool.files.tls.certificate: {what}",
        ]
    assert _said(path) == (0, expected)


def test_a_probe_script_that_cannot_be_run(work: Path) -> None:
    script = work / "probe"
    path = _configured(work, probe={"type": "script", "script": str(script)})
    key = "pool.files.probe.script"
    name = "(name a program that this user may run)"
    assert _said(path) == (1, [f"{key}: cannot run {script}: No such file or directory {name}"])
    script.mkdir()
    assert _said(path) == (1, [f"{key}: cannot run {script}: it is not a regular file {name}"])
    script.rmdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o644)
    what = f"cannot run {script}: Permission denied"
    how = f"(make it executable for this user: chmod a+rx {script})"
    assert _said(path) == (1, [f"{key}: {what} {how}"])
    script.chmod(0o755)
    assert _said(path) == (0, [])


def test_a_password_file_without_a_password(work: Path) -> None:
    secret = work / "secret"
    secret.touch(0o600)
    probe = {"type": "login", "user": "probe", "password_file": str(secret)}
    path = _configured(work, probe=probe)
    key = "pool.files.probe.password_file"
    cure = "(write the password into its first line)"
    assert _said(path) == (1, [f"{key}: {secret} is empty {cure}"])
    secret.write_text("\nsecret\n")
    what = f"the first line of {secret} is empty, and so is the password"
    assert _said(path) == (0, [f"warning: {key}: {what} {cure}"])
    secret.write_text("secret\n")
    assert _said(path) == (0, [])


def _ephemeral() -> tuple[int, int]:
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first, last = map(int, text.split())
    return first, last


def test_ports_that_outgoing_connections_take(work: Path) -> None:
    first, last = _ephemeral()
    passive = f"{first + 100}-{first + 109}"
    data = f"{first + 200}-{first + 209}"
    path = _configured(
        work,
        listener={"passive_ports": passive},
        pool={"backend_data": "port", "data_ports": data},
    )

    def warning(key: str, ports: str) -> str:
        taken = "that this machine uses for outgoing connections"
        return (
            f"warning: {key}: {ports} meets the ports {first}-{last} {taken} "
            f"(use others, or: sysctl net.ipv4.ip_local_reserved_ports={ports})"
        )

    assert _said(path) == (
        0,
        [
            warning("listener.ftp.passive_ports", passive),
            warning("pool.files.data_ports", data),
        ],
    )


def test_names_that_are_not_found(work: Path) -> None:
    with Network() as network:
        names = NameServer(work, network)
        backend = Backend("only", Place("gone.example.com", 2121))
        listener = {
            "public_address": {"10.0.0.0/8": "six.example.com", "default": "none.example.com"}
        }
        path = _configured(
            *(work,),
            listener=listener,
            backend=backend,
            pool={"backends_file": str(work / "backends.toml")},
        )
        listed = Backend("listed", None, {"srv": "_ftp._tcp.example.com"})
        backends_file(work / "backends.toml", [listed])
        names.say({"six.example.com": {"AAAA": ["2001:db8::1"]}})
        see = "(correct it, or check the name server: the backend is down until it is found)"
        with names:
            code, lines = _said(path, prefix=names.prefix)
            assert code == 0
            key = "listener.ftp.public_address"
            file = "pool.files.backends_file"
            assert sorted(lines) == sorted(
                [
                    f"warning: {key}: six.example.com has no IPv4 address, and PASV announces "
                    "nothing else (give the name an A record, or write an IPv4 address)",
                    f"warning: {key}: looking up none.example.com: Domain name not found "
                    "(correct it: PASV is answered with 425 until it is found)",
                    "warning: pool.files.backend[0].address: looking up gone.example.com: "
                    f"Domain name not found {see}",
                    f"warning: {file}: looking up _ftp._tcp.example.com: Domain name not found {see}",
                ]
            )
            # A name without an answer leaves time for the others.
            names.say({"gone.example.com": "silent"})
            code, lines = _said(path, prefix=names.prefix)
            assert code == 0
            assert sorted(lines) == sorted(
                [
                    "warning: pool.files.backend[0].address: looking up gone.example.com: "
                    f"Timeout while contacting DNS servers {see}",
                    f"warning: {key}: looking up six.example.com: Domain name not found "
                    "(correct it: PASV is answered with 425 until it is found)",
                    f"warning: {key}: looking up none.example.com: Domain name not found "
                    "(correct it: PASV is answered with 425 until it is found)",
                    f"warning: {file}: looking up _ftp._tcp.example.com: Domain name not found {see}",
                ]
            )
            names.say(
                {
                    "gone.example.com": {"A": ["127.0.0.11"]},
                    "six.example.com": {"A": ["203.0.113.6"]},
                    "none.example.com": {"A": ["203.0.113.7"]},
                    "alf.example.com": {"A": ["127.0.0.12"]},
                    "_ftp._tcp.example.com": {"SRV": ["0 1 2121 alf.example.com"]},
                }
            )
            assert _said(path, prefix=names.prefix) == (0, [])
