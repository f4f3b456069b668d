# SPDX-License-Identifier: Apache-2.0
"""Where data connections come from and go to."""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast import DIRECT, Backend, Ballast, Listener, Pool
from servers import PyFtpd
from wire import Wire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="these are the balancer's addresses")


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.91") as server:
        (server.root / "small").write_bytes(b"small file\n")
        yield server


@contextlib.contextmanager
def _ballast(
    work: Path, server: PyFtpd, passive_ports: int, **listener: object
) -> Iterator[Ballast]:
    pool = Pool("pool", [Backend("only", server)])
    listeners = [Listener("ftp", "pool", settings=listener)]
    with Ballast(work, listeners, [pool], passive_ports=passive_ports) as it:
        yield it


def _announced(wire: Wire) -> tuple[str, int]:
    text = wire.expect("PASV", 227).text
    numbers = re.search(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", text)
    assert numbers, text
    *host, high, low = numbers.groups()
    return ".".join(host), int(high) * 256 + int(low)


def test_passive_ports_are_of_the_range_and_local_by_default(work: Path, server: PyFtpd) -> None:
    with _ballast(work, server, 5) as it, Wire(it.where()).log_in() as wire:
        for _ in range(12):
            address, port = _announced(wire)
            assert address == "127.0.0.1" and port in it.passive_ports
            assert wire.passive_address("EPSV")[1] in it.passive_ports


def test_the_public_address_is_announced_by_pasv(work: Path, server: PyFtpd) -> None:
    with _ballast(work, server, 5, public_address="203.0.113.21") as it:
        with Wire(it.where()).log_in() as wire:
            address, port = _announced(wire)
            assert address == "203.0.113.21"
            with socket.create_connection(("127.0.0.1", port), 10) as data:
                wire.expect("RETR small", 150, 125)
                assert read_all(data) == b"small file\n"
            assert wire.reply().code == 226


def test_the_public_address_depends_on_the_clients_network(work: Path, server: PyFtpd) -> None:
    table = {"127.0.0.0/30": "local", "127.0.9.0/24": "198.51.100.9", "default": "203.0.113.21"}
    expected = {"127.0.0.1": "127.0.0.1", "127.0.9.5": "198.51.100.9", "127.0.1.1": "203.0.113.21"}
    with _ballast(work, server, 5, public_address=table) as it:
        for source, announced in expected.items():
            with Wire(it.where(), source=source).log_in() as wire:
                assert _announced(wire)[0] == announced


def test_one_port_serves_many_clients_at_once(work: Path, server: PyFtpd) -> None:
    with _ballast(work, server, 1) as it, contextlib.ExitStack() as stack:
        sources = [f"127.0.7.{number}" for number in range(1, 21)]
        wires = [stack.enter_context(Wire(it.where(), source=each).log_in()) for each in sources]
        waiting = [(wire, wire.passive_address("EPSV")) for wire in wires]
        assert {where[1] for _, where in waiting} == set(it.passive_ports)
        # In reverse order.
        for wire, where in reversed(waiting):
            wire.send("RETR small")
            source = (wire.socket.getsockname()[0], 0)
            with socket.create_connection(where, 10, source_address=source) as data:
                assert read_all(data) == b"small file\n"
            assert wire.reply().code in (150, 125)
            assert wire.reply().code == 226


def test_an_exhausted_range_is_425_and_never_a_port_outside(work: Path, server: PyFtpd) -> None:
    with _ballast(work, server, 1) as it:
        with Wire(it.where()).log_in() as first, Wire(it.where()).log_in() as second:
            first.passive_address("EPSV")
            second.expect("EPSV", 425)
            second.expect("PASV", 425)
            # Active mode still works, and the port is free again after its owner has used it.
            with second.listen("EPRT"):
                with first.passive("EPSV") as data:
                    first.expect("RETR small", 150, 125)
                    assert read_all(data)
                assert first.reply().code == 226
            assert second.passive_address("EPSV")[1] in it.passive_ports
            # An unused port is kept from its neighbours, because they might get its data.
            second.expect("QUIT", 221)
            assert second.at_end()
            with Wire(it.where()).log_in() as third:
                third.expect("EPSV", 425)


def test_active_data_come_from_the_port_below(work: Path, server: PyFtpd) -> None:
    with _ballast(work, server, 5, active_source_port="below-control") as it:
        for address, verbs in (("127.0.0.1", ("PORT", "EPRT")), ("::1", ("EPRT",))):
            with Wire(it.where("ftp", address)).log_in() as wire:
                for verb in (*verbs, *verbs):
                    with wire.listen(verb) as listener:
                        wire.expect("RETR small", 150, 125)
                        data, peer = listener.accept()
                        with data:
                            assert peer[:2] == (address, it.listeners["ftp"].port - 1)
                            assert read_all(data) == b"small file\n"
                    assert wire.reply().code == 226


def test_active_data_come_from_the_address_that_the_client_called(
    work: Path, server: PyFtpd
) -> None:
    pool = Pool("pool", [Backend("only", server)])
    listener = Listener("ftp", "pool", ["127.0.0.92"])
    with Ballast(work, [listener], [pool]) as it:
        with Wire(it.where("ftp", "127.0.0.92")).log_in() as wire:
            with wire.listen("PORT") as listening:
                wire.expect("RETR small", 150, 125)
                data, peer = listening.accept()
                with data:
                    assert peer[0] == "127.0.0.92"
                    assert read_all(data) == b"small file\n"
            assert wire.reply().code == 226


def test_all_addresses_of_both_families_side_by_side(work: Path, server: PyFtpd) -> None:
    pool = Pool("pool", [Backend("only", server)])
    listener = Listener("ftp", "pool", ["0.0.0.0", "::"])
    with Ballast(work, [listener], [pool]) as it:
        for address in ("127.0.0.1", "127.0.0.93", "::1"):
            with Wire(it.where("ftp", address)).log_in() as wire:
                if ":" not in address:
                    assert _announced(wire)[0] == address
                with wire.passive() as data:
                    wire.expect("RETR small", 150, 125)
                    assert read_all(data) == b"small file\n"
                assert wire.reply().code == 226
