# SPDX-License-Identifier: Apache-2.0
"""`data_path`: ends, upgrades, and machines that lack something."""

import errno
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import operators
import waiting
from ballast import BINARY, DIRECT
from forwarded import LISTENS, Field, download_known, logged
from netns import Network
from process import is_running
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path")


@pytest.fixture
def own_field(work: Path) -> Iterator[Field]:
    """For tests that end the balancer or change the machine."""
    with Network() as network:
        field = Field(work, network)
        try:
            yield field
        finally:
            field.end()


def _download(field: Field) -> None:
    (field.root / "known").write_bytes(b"known")
    with field.wire() as wire:
        download_known(wire, field)


def test_foreign_rules_stay(own_field: Field) -> None:
    field = own_field
    field.run("balancer", "nft", "add", "table", "inet", "mine")
    field.run("balancer", "nft", "add", "chain", "inet", "mine", "chain")
    before = field.rules()
    field.start()
    assert "ballast-" in field.tables()
    field.ballast.stop()
    assert field.rules() == before


def test_a_killed_process_leaves_no_table(own_field: Field) -> None:
    own_field.start()
    assert "ballast-" in own_field.tables()
    own_field.ballast.kill()
    waiting.until("the table is gone", lambda: "ballast-" not in own_field.tables())


def _large(field: Field, megabytes: int = 64) -> int:
    with (field.root / "large").open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    return megabytes * 1024 * 1024


def _begin_large(wire: Wire, field: Field) -> socket.socket:
    with field.client.entered():
        data = wire.passive("PASV", receive_buffer=4096)
    wire.expect("RETR large", 150, 125)
    assert data.recv(1000)
    return data


def test_transfers_outlive_a_reload_and_an_upgrade(own_field: Field) -> None:
    field = own_field
    field.start()
    size = _large(field)
    with field.wire() as wire:
        data = _begin_large(wire, field)
        field.ballast.reload()
        former = field.ballast.upgrade()
        # Sessions of both processes.
        with field.wire() as other:
            with field.client.entered():
                second = other.passive("PASV")
            other.expect("RETR large", 150, 125)
            assert len(read_all(second)) == size
            second.close()
            assert other.reply().code == 226
        rest = len(read_all(data))
        data.close()
        assert 0 < rest < size
        assert wire.reply().code == 226
        # The session of the former process gets a port of its successor.
        with field.client.entered():
            third = wire.passive("PASV")
        wire.expect("RETR large", 150, 125)
        assert len(read_all(third)) == size
        third.close()
        assert wire.reply().code == 226
        wire.expect("QUIT", 221)
    waiting.until("the former process has ended", lambda: not is_running(former))
    assert len(re.findall("ballast-", field.tables())) == 1
    assert {each["path"] for each in logged(field, 0, 3)} == {"kernel"}
    field.ballast.stop()
    assert "ballast-" not in field.tables()


def test_a_killed_server_is_told_on_the_control_connection(own_field: Field) -> None:
    field = own_field
    field.start()
    _large(field, 256)
    with field.wire() as wire:
        data = _begin_large(wire, field)
        for server in field.servers.values():
            server.kill()
        reply = wire.reply()
        assert reply.code == 426, reply
        data.close()
    (transfer,) = logged(field, 0, 1)
    assert (transfer["path"], transfer["result"]) == ("kernel", "failed")


def test_a_stop_resets_what_is_left(own_field: Field) -> None:
    field = own_field
    # At `shutdown_timeout` there is a transfer left.
    field.ballast.ends_with = {3}
    field.start()
    size = _large(field, 256)
    with field.wire() as wire:
        data = _begin_large(wire, field)
        field.ballast.stop()
        got = 0
        try:
            got = len(read_all(data))
        except ConnectionResetError:
            pass
        assert got < size
    assert "ballast-" not in field.tables()


def test_without_forwarding_data_are_relayed(work: Path) -> None:
    with Network() as network:
        # Until it is noticed, a transfer waits in vain for its packets.
        field = Field(work, network, data_connect_timeout="1s")
        with field.running():
            _without_forwarding(field)


def _without_forwarding(field: Field) -> None:
    (field.root / "known").write_bytes(b"known")

    def path() -> str:
        """Who carried a download, or tried to."""
        before = len(field.ballast.transfers())
        with field.wire() as wire:
            where = wire.passive_address("PASV")
            wire.send("RETR known")
            with field.client.entered(), socket.socket() as data:
                data.setblocking(False)
                assert data.connect_ex(where) == errno.EINPROGRESS
                reply = wire.reply()
                if reply.code in (150, 125):
                    data.settimeout(waiting.PATIENCE)
                    assert read_all(data) == b"known"
                    data.close()
                    reply = wire.reply()
        (transfer,) = logged(field, before, 1)
        assert (reply.code == 226) == (transfer["result"] == "whole"), (reply, transfer)
        return f"{transfer['path']}, {transfer['result']}"

    def is_carried_by(carrier: str) -> bool:
        return path() == f"{carrier}, whole"

    field.balancer.set("net.ipv4.ip_forward", "0")
    waiting.until("data are relayed", lambda: is_carried_by("relay"))
    field.balancer.set("net.ipv4.ip_forward", "1")
    waiting.until("the kernel carries data again", lambda: is_carried_by("kernel"))
    check = field.run("balancer", str(BINARY), "check", "-c", str(field.ballast.configuration))
    assert "forwards no" not in check.stderr
    field.balancer.set("net.ipv4.ip_forward", "0")
    check = field.run("balancer", str(BINARY), "check", "-c", str(field.ballast.configuration))
    assert "this machine forwards no IPv4 packets" in check.stderr


WITHOUT_CAPABILITY = ("setpriv", "--bounding-set", "-net_admin")


def test_without_the_capability_kernel_refuses_to_start(own_field: Field) -> None:
    field = own_field
    field.ballast.configuration.write_text(field.ballast.text())
    refused = field.run(
        *("balancer", *WITHOUT_CAPABILITY),
        *(str(BINARY), "run", "-c", str(field.ballast.configuration)),
    )
    assert refused.returncode != 0
    assert "it has no CAP_NET_ADMIN" in refused.stderr


def test_without_the_capability_auto_relays(work: Path) -> None:
    with Network() as network:
        field = Field(work, network, prefix=WITHOUT_CAPABILITY, data_path="auto")
        with field.running():
            said = [line for line in field.ballast.log_lines() if "CAP_NET_ADMIN" in str(line)]
            # One for each listener.
            assert len(said) == len(LISTENS), said
            _download(field)
            assert logged(field, 0, 1)[0]["path"] == "relay"


def test_what_needs_ballast_is_relayed_and_explained(work: Path) -> None:
    with Network() as network:
        field = Field(work, network, data_path="auto", session_bandwidth="100MiB")
        with field.running():
            _download(field)
            (transfer,) = logged(field, 0, 1)
            assert transfer["path"] == "relay"
            story = operators.operate(work, "explain", transfer["session"]).stdout
            assert "relay, because a bandwidth limit holds for it" in story
