# SPDX-License-Identifier: Apache-2.0
"""inetutils-ftpd forgets REST at the next command, so REST must be the last one before RETR."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import everything
from ballast import Backend, Ballast, Listener, Pool, login_probe
from clients import Target
from everything import Case
from servers import InetutilsFtpd
from wire import Wire, read_all


class Field:
    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        self.server = InetutilsFtpd(work, work / "files", "127.0.0.22")
        pool = Pool("pool", [Backend("inetutils", self.server)], probe=login_probe(work))
        self.ballast = Ballast(work, [Listener("ftp", "pool")], [pool])


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with field.server, field.ballast:
        yield field


@pytest.mark.parametrize("case", everything.cases_on_loopback(), ids=str)
def test_every_client_does_everything_resume_included(
    case: Case, field: Field, work: Path
) -> None:
    target = Target(*field.ballast.where("ftp", case.loopback))
    everything.works(case, target, field.data, field.server.root, work)


@pytest.mark.parametrize("between", [[], ["NOOP"], ["TYPE I"], ["PWD", "NOOP"]], ids=str)
@pytest.mark.parametrize("first", ["REST", "PASV", "EPSV"])
def test_a_resumed_download_starts_where_it_should(
    first: str, between: list[str], field: Field
) -> None:
    whole = field.data.read_bytes()
    (field.server.root / "file").write_bytes(whole)
    with Wire(field.ballast.where("ftp")).log_in() as wire:
        if first == "REST":
            wire.expect("REST 4900000", 350)
            for command in between:
                assert wire.ask(command).code < 300
            data = wire.passive()
        else:
            data = wire.passive(first)
            for command in between:
                assert wire.ask(command).code < 300
            wire.expect("REST 4900000", 350)
        with data:
            wire.expect("RETR file", 150, 125)
            assert read_all(data) == whole[4_900_000:]
        assert wire.reply().code == 226
        # REST applies to one transfer only.
        with wire.passive() as data:
            wire.expect("RETR file", 150, 125)
            assert read_all(data) == whole
        assert wire.reply().code == 226
