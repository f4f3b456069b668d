# SPDX-License-Identifier: Apache-2.0
"""`data_path = "kernel"`: every client and mode, and what connection tracking says about it."""

import contextlib
import hashlib
import io
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ftplib import FTP
from pathlib import Path

import pytest

import clients
import everything
import operators
import waiting
from ballast import DIRECT, Ballast
from clients import Target
from everything import Case
from forwarded import CLIENT, LISTENS, SERVERS, STRANGER, Field, is_counted, logged
from netns import Network
from ports import free_ports
from servers import TESTER
from wire import read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the balancer's data path")

SMALL_FILES = 3000


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    with Network() as network:
        field = Field(module_work, network)
        with field.running():
            yield field


def _relayed(ballast: Ballast) -> int:
    counted = ballast.counters()
    return sum(
        counted.get(name, 0)
        for name in ("bytes_copied", "bytes_spliced", "bytes_copied_by_tls", "bytes_spliced_into_tls")
    )


CASES = [
    *(Case(each, mode, "ipv4") for each in clients.ALL for mode in each.modes_ipv4),
    *(Case(each, mode, "ipv6") for each in clients.ALL for mode in each.modes_ipv6),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_client_does_everything(case: Case, field: Field, work: Path) -> None:
    before, relayed = len(field.ballast.transfers()), _relayed(field.ballast)
    target = Target(*field.where(case.family))
    everything.works(case, target, field.data, field.root, work, prefix=field.client.prefix)
    transfers = logged(field, before, 3)
    assert {each["path"] for each in transfers} == {"kernel"}
    assert _relayed(field.ballast) == relayed


# PASV and PORT name IPv4 addresses only.
VERBS = {"ipv4": ("PASV", "EPSV", "PORT", "EPRT"), "ipv6": ("EPSV", "EPRT")}


@pytest.mark.parametrize(
    ("verb", "family"), [(verb, family) for family, verbs in VERBS.items() for verb in verbs]
)
def test_the_log_and_connection_tracking_say_the_same(
    verb: str, family: str, field: Field
) -> None:
    (field.root / "known").write_bytes(field.data.read_bytes())
    before, repeated = len(field.ballast.transfers()), field.repeated()
    with field.wire(family) as wire, field.client.entered():
        if verb in ("PASV", "EPSV"):
            data = wire.passive(verb)
            wire.expect("RETR known", 150, 125)
            ours = str(data.getsockname()[1])
        else:
            listener = wire.listen(verb)
            wire.expect("RETR known", 150, 125)
            data, peer = listener.accept()
            data.settimeout(waiting.PATIENCE)
            # The client sees the balancer, as with a relay.
            assert peer[0] == LISTENS[family]
            ours = str(listener.getsockname()[1])
            listener.close()
        content = read_all(data)
        data.close()
        assert wire.reply().code == 226
    assert hashlib.sha256(content).digest() == hashlib.sha256(field.data.read_bytes()).digest()
    (transfer,) = logged(field, before, 1)
    assert (transfer["path"], transfer["result"]) == ("kernel", "whole")
    assert is_counted(len(content), transfer["bytes"], field.repeated() - repeated)
    tracked = field.run("balancer", "conntrack", "-L", "-f", family).stdout
    mine = [line for line in tracked.splitlines() if f"port={ours} " in line]
    assert len(mine) == 1, tracked
    # The larger direction, less the headers of its packets: IP, and TCP with time stamps. A SYN
    # has 8 bytes more.
    headers = {"ipv4": 20, "ipv6": 40}[family] + 32
    ways = re.findall(r"packets=(\d+) bytes=(\d+)", mine[0])
    moved = max(int(size) - int(packets) * headers for packets, size in ways) - 8
    assert is_counted(transfer["bytes"], moved, field.repeated() - repeated)
    servers = {each[family] for each in SERVERS.values()}
    assert any(each in mine[0] for each in servers), mine[0]


def test_many_clients_behind_one_address(field: Field) -> None:
    before, relayed = len(field.ballast.transfers()), _relayed(field.ballast)
    repeated = field.repeated()
    contents = {f"own-{number}": os.urandom(50_000 + number) for number in range(32)}
    for name, content in contents.items():
        (field.root / name).write_bytes(content)
    start = threading.Barrier(len(contents))

    def download(name: str) -> None:
        with field.client.entered(), FTP() as ftp:
            ftp.connect(*field.where(), timeout=waiting.PATIENCE)
            ftp.login(TESTER.name, TESTER.password)
            start.wait(waiting.PATIENCE)
            for _ in range(5):
                into = io.BytesIO()
                ftp.retrbinary(f"RETR {name}", into.write)
                assert into.getvalue() == contents[name]

    with ThreadPoolExecutor(len(contents)) as threads:
        list(threads.map(download, contents))
    transfers = logged(field, before, 5 * len(contents))
    assert {(each["path"], each["result"]) for each in transfers} == {("kernel", "whole")}
    repeated = field.repeated() - repeated
    for each in transfers:
        assert is_counted(len(contents[each["file"].lstrip("/")]), each["bytes"], repeated)
    assert _relayed(field.ballast) == relayed


def test_many_small_files(field: Field) -> None:
    before, relayed = len(field.ballast.transfers()), _relayed(field.ballast)
    repeated = field.repeated()
    content = os.urandom(4096)
    (field.root / "small").write_bytes(content)
    threads, each = 4, SMALL_FILES // 4

    def download(_: int) -> None:
        with field.client.entered(), FTP() as ftp:
            ftp.connect(*field.where(), timeout=waiting.PATIENCE)
            ftp.login(TESTER.name, TESTER.password)
            for _ in range(each):
                into = io.BytesIO()
                ftp.retrbinary("RETR small", into.write)
                assert into.getvalue() == content

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(download, range(threads)))
    transfers = logged(field, before, SMALL_FILES)
    assert {(each["path"], each["result"]) for each in transfers} == {("kernel", "whole")}
    repeated = field.repeated() - repeated
    assert all(is_counted(len(content), each["bytes"], repeated) for each in transfers)
    assert _relayed(field.ballast) == relayed
    # What was used is gone.
    waiting.until("no way is open", lambda: field.elements() == 0)


def test_ports_are_used_again_at_once(field: Field) -> None:
    """The client comes from the same port each time, to a hundred ports of the balancer. Connection
    tracking still remembers the connection before."""
    (field.root / "small").write_bytes(b"x" * 4096)
    before = len(field.ballast.transfers())
    pairs = set()
    source = (CLIENT["ipv4"], free_ports(1))
    with field.wire() as wire, field.client.entered():
        for _ in range(300):
            where = wire.passive_address("PASV")
            pairs.add(where)
            data = socket.socket()
            data.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            data.settimeout(waiting.PATIENCE)
            data.bind(source)
            data.connect(where)
            wire.expect("RETR small", 150, 125)
            assert read_all(data) == b"x" * 4096
            data.close()
            assert wire.reply().code == 226
    assert len(pairs) <= len(field.ballast.passive_ports)
    transfers = logged(field, before, 300)
    assert {each["path"] for each in transfers} == {"kernel"}


def test_views_say_who_carries_a_transfer(field: Field) -> None:
    with (field.root / "large").open("wb") as file:
        file.truncate(64 << 20)
    with field.wire() as wire, field.client.entered():
        data = wire.passive("PASV", receive_buffer=4096)
        wire.expect("RETR large", 150, 125)
        shown = operators.operate(field.work, "transfers", "--json").stdout
        assert [each["path"] for each in json.loads(shown)["transfers"]] == ["kernel"]
        assert len(read_all(data)) == 64 << 20
        data.close()
        assert wire.reply().code == 226


def _gets_nothing(where: tuple[str, int], source: str) -> None:
    """A connection from this address is refused, or reset before or after it is there."""
    with socket.socket() as nobody:
        nobody.settimeout(waiting.PATIENCE)
        nobody.bind((source, 0))
        with contextlib.suppress(ConnectionError):
            nobody.connect(where)
            assert nobody.recv(100) == b""


def test_a_stranger_reaches_nobody(field: Field) -> None:
    (field.root / "secret").write_bytes(b"secret")
    with field.wire() as wire, field.client.entered():
        where = wire.passive_address("PASV")
        wire.send("RETR secret")
        _gets_nothing(where, STRANGER)
        with socket.create_connection(
            where, waiting.PATIENCE, source_address=(CLIENT["ipv4"], 0)
        ) as data:
            assert wire.reply().code in (150, 125)
            assert read_all(data) == b"secret"
        assert wire.reply().code == 226
        # The way was for one connection.
        _gets_nothing(where, CLIENT["ipv4"])
    tracked = field.run("balancer", "conntrack", "-L").stdout
    for line in tracked.splitlines():
        if f"src={STRANGER}" in line:
            assert not any(each["ipv4"] in line for each in SERVERS.values()), line


def test_others_cannot_change_the_table_while_it_is_used(field: Field) -> None:
    (field.root / "known").write_bytes(b"known")
    before = len(field.ballast.transfers())
    name = re.search(r"table inet (ballast-\d+)", field.tables())
    assert name, field.tables()
    with field.wire() as wire, field.client.entered():
        where = wire.passive_address("PASV")
        assert field.elements() == 1
        refused = field.run("balancer", "nft", "delete", "table", "inet", name[1])
        assert "Operation not permitted" in refused.stderr
        refused = field.run("balancer", "nft", "flush", "map", "inet", name[1], "to4")
        assert "Operation not permitted" in refused.stderr
        assert field.run("balancer", "nft", "flush", "ruleset").returncode == 0
        assert field.elements() == 1
        with socket.create_connection(where, waiting.PATIENCE) as data:
            wire.expect("RETR known", 150, 125)
            assert read_all(data) == b"known"
        assert wire.reply().code == 226
    (transfer,) = logged(field, before, 1)
    assert (transfer["path"], transfer["result"]) == ("kernel", "whole")


