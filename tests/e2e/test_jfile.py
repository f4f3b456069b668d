# SPDX-License-Identifier: Apache-2.0
"""A peer that imitates Alfresco's FTP server, with every client in every data mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import everything
from ballast import Backend, Ballast, Listener, Pool, login_probe
from clients import Target
from everything import Case
from jfile import JFileServer
from wire import Wire, read_all


class Field:
    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        self.servers = {
            "ipv4": JFileServer("127.0.0.21", work / "files-ipv4"),
            "ipv6": JFileServer("::1", work / "files-ipv6"),
        }
        pools = [
            Pool(name, [Backend("alfresco", server)], probe=login_probe(work))
            for name, server in self.servers.items()
        ]
        self.ballast = Ballast(work, [Listener(pool.name, pool.name) for pool in pools], pools)


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.servers["ipv4"], field.servers["ipv6"], field.ballast:
        yield field


@pytest.fixture(params=["ipv4", "ipv6"])
def backend(request: pytest.FixtureRequest, field: Field) -> Iterator[str]:
    """In every test each read of the peer must hold exactly one command. The survey asks once whether
    it may hold two."""
    yield request.param
    assert set(field.servers[request.param].fused) <= {b"NOOP\r\nNOOP\r\n"}


@pytest.mark.parametrize("case", everything.cases_on_loopback(), ids=str)
def test_every_client_does_everything(
    case: Case, field: Field, backend: str, work: Path
) -> None:
    target = Target(*field.ballast.where(backend, case.loopback))
    root = field.servers[backend].root
    everything.works(case, target, field.data, root, work, rest_in_feat=False)


def test_pipelined_commands_reach_it_one_by_one(field: Field, backend: str) -> None:
    with Wire(field.ballast.where(backend)).log_in() as wire:
        wire.send(*["NOOP"] * 20, "PWD", "SYST", *["NOOP"] * 20)
        codes = [wire.reply().code for _ in range(42)]
        assert codes == [200] * 20 + [257, 215] + [200] * 20


def test_its_single_reply_to_abor_becomes_two_and_the_dialog_goes_on(
    field: Field, backend: str
) -> None:
    big = field.servers[backend].root / "big"
    big.write_bytes(bytes(64 * 1024 * 1024))
    with Wire(field.ballast.where(backend)).log_in() as wire:
        with wire.passive(receive_buffer=4096) as data:
            wire.expect("RETR big", 150, 125)
            assert data.recv(1)
            # RFC 959 4.1.3: 426 for the transfer, 226 for the ABOR.
            wire.send("ABOR")
            assert wire.reply().code == 426
            assert wire.reply().code == 226
            with pytest.raises(ConnectionResetError):
                read_all(data)
        assert wire.expect("PWD", 257)
        with wire.passive() as data:
            wire.expect("NLST", 150, 125)
            assert b"big" in read_all(data)
            assert wire.reply().code == 226


def test_an_empty_line_of_a_client_does_not_end_its_session(field: Field, backend: str) -> None:
    with Wire(field.ballast.where(backend)).log_in() as wire:
        wire.send("")
        assert wire.reply().code in (500, 501)
        wire.expect("PWD", 257)


def test_an_unknown_auth_is_answered(field: Field, backend: str) -> None:
    with Wire(field.ballast.where(backend)) as wire:
        wire.greeting()
        assert wire.ask("AUTH KERBEROS_V4").code in (502, 504)
        assert wire.ask("AUTH TLS").code in (502, 504, 534)
        wire.expect("USER tester", 331)
