# SPDX-License-Identifier: Apache-2.0
"""`data_path`: the kernel refuses a way, loses a message or lacks something. Then Ballast relays or
says so, and no data go astray."""

import contextlib
import errno
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import netfilter
import operators
import waiting
from ballast import BINARY, DIRECT
from failing_calls import FailingCalls
from forwarded import LISTENS, Field, is_counted, logged
from netns import Network
from ports import free_port
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path")

CONTENT = os.urandom(200_000)
NETWORK_ADMINISTRATION = 12  # CAP_NET_ADMIN
WITHOUT_NETFILTER = ("/usr/bin/python3", str(Path(__file__).with_name("without_netfilter_main.py")))


@contextlib.contextmanager
def _running(work: Path, **wanted: Any) -> Iterator[Field]:
    with Network() as network:
        field = Field(work, network, **wanted)
        try:
            field.start()
            (field.root / "known").write_bytes(CONTENT)
            yield field
            field.ballast.stop()
        finally:
            field.ballast.kill()
            field.end()


def _download(field: Field, wire: Wire, verb: str = "PASV") -> None:
    with field.client.entered():
        data = wire.passive(verb)
    wire.expect("RETR known", 150, 125)
    assert read_all(data) == CONTENT
    data.close()
    assert wire.reply().code == 226


def _refusals(field: Field) -> list[dict[str, Any]]:
    message = "the kernel does not forward a data connection"
    return [line for line in field.ballast.log_lines() if line["message"] == message]


def test_a_full_map(work: Path) -> None:
    with _running(work) as field:
        ways = netfilter.Map(field.ballast.pid, field.rules(), "to4")
        with contextlib.closing(ways), field.wire() as wire, field.wire("ipv6") as other:
            ways.fill()
            _download(field, wire)
            (refused,) = _refusals(field)
            assert refused["level"] == "warning" and refused["fault"] == "ballast"
            assert refused["reason"].startswith("the kernel refuses the rule: ")
            assert refused["cure"] == "ballast check"
            # The other family has a map of its own.
            _download(field, other, "EPSV")
            ways.clear()
            _download(field, wire)
            assert len(_refusals(field)) == 1
        paths = [each["path"] for each in logged(field, 0, 3)]
        assert paths == ["relay", "kernel", "kernel"]
        assert field.ballast.counters()["forwardings_refused"] == 1
        story = operators.operate(work, "explain", refused["session"]).stdout
        assert "relay, because the kernel refused to forward it" in story


def test_full_connection_tracking(work: Path) -> None:
    """The kernel drops what it cannot track: the client waits in vain, and is told."""
    settings = {"backends": ["one"], "vsftpd": {"accept_timeout": 2}}
    with _running(work, **settings, data_connect_timeout="1s") as field, field.wire() as wire:
        netfilter.fill_tracking(field.balancer)
        with field.client.entered():
            where = wire.passive_address("PASV")
            wire.send("RETR known")
            with socket.socket() as data:
                data.setblocking(False)
                assert data.connect_ex(where) == errno.EINPROGRESS
                assert wire.reply().code == 425
                # Nobody has answered it.
                assert data.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                with pytest.raises(OSError, match="not connected"):
                    data.getpeername()
        waiting.until("no way is open", lambda: field.elements() == 0)
        assert field.run("balancer", "conntrack", "-F").returncode == 0
        _download(field, wire)
        failed, whole = logged(field, 0, 2)
        # The relay has taken it over, and could not reach the server either.
        assert (failed["path"], failed["bytes"]) == ("relay", 0)
        assert failed["result"] != "whole" and "425" in failed["reason"]
        assert (whole["path"], whole["result"]) == ("kernel", "whole")


def _may_administrate(pid: int) -> bool:
    """The thread that speaks with the kernel."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # Others may have ended since.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (thread / "comm").read_text() == "kernel path\n":
                rights = re.search(r"CapEff:\s+(\w+)", (thread / "status").read_text())
                assert rights
                return bool(int(rights[1], 16) >> NETWORK_ADMINISTRATION & 1)
    raise AssertionError("no such thread")


def test_the_capability_is_lost_while_it_runs(work: Path) -> None:
    calls = FailingCalls(work)
    with _running(work, prefix=calls.prefix, backends=["one"]) as field, field.wire() as wire:
        _download(field, wire)
        assert _may_administrate(field.ballast.pid)
        calls.drop_capability()
        _download(field, wire)
        assert not _may_administrate(field.ballast.pid)
        _download(field, wire)
        assert [each["path"] for each in logged(field, 0, 3)] == ["kernel", "relay", "relay"]
        refused = _refusals(field)
        assert "Operation not permitted" in refused[0]["reason"], refused


def test_the_capability_is_lost_while_a_way_is_open(work: Path) -> None:
    """The way leads nowhere then: neither the client's next connection to the port nor anybody
    else's reaches a server that does not expect it."""
    calls = FailingCalls(work)
    port = free_port()
    with (
        _running(
            work, prefix=calls.prefix, backends=["one"], passive_ports=f"{port}-{port}"
        ) as field,
        field.wire() as wire,
    ):
        with field.client.entered():
            first = wire.passive_address("PASV")
        calls.drop_capability()
        _download(field, wire)
        with field.client.entered():
            assert wire.passive_address("PASV") == first
        # The kernel removes the table with its socket, which needs no capability.
        assert "ballast-" not in field.tables()
        assert [each["path"] for each in logged(field, 0, 1)] == ["relay"]


@pytest.mark.parametrize("backend", ["one", "two"])
def test_a_client_that_never_connects_is_told_in_time(backend: str, work: Path) -> None:
    """Both servers say 150 only when the connection is there."""
    with _running(work, backends=[backend], data_connect_timeout="1s") as field:
        with field.wire() as wire, field.client.entered():
            wire.passive_address("PASV")
            wire.send("RETR known")
            # The relay takes over, so the replies are as without the kernel, and the session lives.
            assert wire.reply().code == 150
            assert wire.reply().code == 425
            wire.expect("NOOP", 200)


def test_a_kernel_without_netfilter(work: Path) -> None:
    with _running(work, prefix=WITHOUT_NETFILTER, data_path="auto") as field:
        said = [line for line in field.ballast.log_lines() if "nftables" in str(line)]
        assert len(said) == len(LISTENS), said
        assert {line["level"] for line in said} == {"warning"}
        with field.wire() as wire:
            _download(field, wire)
        assert logged(field, 0, 1)[0]["path"] == "relay"
        configuration = field.ballast.configuration
        check = field.run("balancer", *WITHOUT_NETFILTER, str(BINARY), "check", "-c", str(configuration))
        assert check.returncode == 0
        why = "the kernel cannot forward data connections: opening a socket to nftables: "
        assert check.stderr.count(why + "Protocol not supported") == len(LISTENS), check.stderr
        text = configuration.read_text().replace('data_path = "auto"', 'data_path = "kernel"')
        strict = work / "strict.toml"
        strict.write_text(text)
        refused = field.run("balancer", *WITHOUT_NETFILTER, str(BINARY), "run", "-c", str(strict))
        assert refused.returncode != 0 and why in refused.stderr


def _lost_news(pid: int) -> int:
    """Messages of connection tracking that the kernel had no room for."""
    return sum(int(each["Drops"]) for each in netfilter.netlink_sockets(pid))


def _overflow(field: Field, pid: int) -> None:
    """Each refused connection is news for whoever listens to connection tracking."""
    port = free_port()

    def is_lost() -> bool:
        for _ in range(1000):
            with socket.socket() as refused:
                assert refused.connect_ex((LISTENS["ipv4"], port)) == errno.ECONNREFUSED
        return _lost_news(pid) > 0

    with field.client.entered():
        waiting.until("news are lost", is_lost)


def _transfers_of(field: Field) -> int:
    _, shown = operators.ask(field.work, "GET", "/v1/transfers")
    return len(shown["transfers"])


def test_news_are_lost(work: Path) -> None:
    """The balancer stands still while connections begin and end."""
    with _running(work) as field, contextlib.ExitStack() as stack:
        repeated = field.repeated()
        wires = [stack.enter_context(field.wire()) for _ in range(8)]
        running, late = wires[:4], wires[4:]
        (field.root / "large").write_bytes(CONTENT * 50)
        # Half of them run already.
        datas = []
        for wire in running:
            with field.client.entered():
                datas.append(wire.passive("PASV", receive_buffer=4096))
            wire.expect("RETR large", 150, 125)
        places = []
        for wire in late:
            with field.client.entered():
                places.append(wire.passive_address("PASV"))
            wire.send("RETR known")
        waiting.until("the servers wait for them", lambda: _transfers_of(field) == len(wires))
        pid = field.ballast.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            _overflow(field, pid)
            for data in datas:
                assert read_all(data) == CONTENT * 50
                data.close()
            for where in places:
                with field.client.entered(), socket.create_connection(
                    where, waiting.PATIENCE
                ) as data:
                    assert read_all(data) == CONTENT
        finally:
            os.kill(pid, signal.SIGCONT)
        for wire in running:
            assert wire.reply().code == 226
        for wire in late:
            assert wire.reply().code in (150, 125)
            assert wire.reply().code == 226
        transfers = logged(field, 0, len(wires))
        assert {(each["path"], each["result"]) for each in transfers} == {("kernel", "whole")}
        repeated = field.repeated() - repeated
        for each in transfers:
            length = len(CONTENT) * (50 if "large" in each["file"] else 1)
            assert is_counted(length, each["bytes"], repeated), (each, repeated)
        waiting.until("no way is open", lambda: field.elements() == 0)
        # And on it goes.
        _download(field, wires[0])
        assert logged(field, len(wires), 1)[0]["path"] == "kernel"


def _with(mount: str) -> tuple[str, ...]:
    """What it sees of /proc is changed."""
    return ("unshare", "--mount", "sh", "-ec", f'{mount}; exec "$@"', "sh")


def test_check_says_what_the_machine_lacks(work: Path) -> None:
    no_right = (
        "the kernel does not let this process forward data connections: it has no CAP_NET_ADMIN "
        r"\(give it to the service \(systemctl edit ballast\): "
    )
    cannot = "the kernel cannot forward data connections: "
    lacks: list[tuple[tuple[str, ...], dict[str, str], str]] = [
        (("setpriv", "--bounding-set", "-net_admin"), {}, no_right),
        # All rights, but not in this network.
        (("unshare", "--user", "--map-root-user"), {}, no_right),
        (WITHOUT_NETFILTER, {}, cannot + "opening a socket to nftables: Protocol not supported "),
        (
            _with("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"),
            {"net.netfilter.nf_conntrack_acct": "0"},
            cannot
            + "connection tracking does not count bytes: sysctl net.netfilter.nf_conntrack_acct=1 ",
        ),
        (
            (),
            {"net.netfilter.nf_conntrack_events": "0"},
            cannot
            + "connection tracking tells no news: sysctl net.netfilter.nf_conntrack_events=2 ",
        ),
        (
            _with("mount -t tmpfs none /proc/sys"),
            {},
            cannot + "this process does not see /proc/sys/net: in a unit of systemd it needs ",
        ),
        (
            (),
            {"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"},
            r"this machine forwards no IPv\d packets, so these data are relayed "
            r"\(sysctl net\.ipv\d\.(conf\.all\.forwarding|ip_forward)=1, ",
        ),
    ]
    usual = {
        "net.netfilter.nf_conntrack_acct": "1",
        "net.netfilter.nf_conntrack_events": "2",
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
    }
    with Network() as network:
        field = Field(work, network, backends=["one"])
        path = field.ballast.configuration
        path.write_text(field.ballast.text())

        def check(prefix: tuple[str, ...]) -> tuple[int, str]:
            done = field.run("balancer", *prefix, str(BINARY), "check", "-c", str(path))
            return done.returncode, done.stderr

        # Ballast would switch the counting on. A check changes nothing.
        field.balancer.set("net.netfilter.nf_conntrack_acct", "0")
        assert check(()) == (0, "")
        with field.balancer.entered():
            assert Path("/proc/sys/net/netfilter/nf_conntrack_acct").read_text() == "0\n"
        for prefix, settings, said in lacks:
            for name, value in {**usual, **settings}.items():
                field.balancer.set(name, value)
            status, errors = check(prefix)
            assert status == 1, (said, errors)
            lines = errors.splitlines()
            assert len(lines) == len(LISTENS), lines
            for family, line in zip(LISTENS, lines, strict=True):
                place = rf"{re.escape(str(path))}:\d+:\d+: listener\.{family}\.data_path: "
                assert re.match(place + said, line), (place + said, line)
