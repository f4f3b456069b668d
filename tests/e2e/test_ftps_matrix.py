# SPDX-License-Identifier: Apache-2.0
"""TLS on either leg, on both and on none, with every server and every client that supports it.

Not the full product: every value of every dimension, with every server. The last test checks that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import clients
import everything
import servers
from ballast import DIRECT, Backend, Ballast, Listener, Pool, login_probe, running
from certificates import Authority, for_loopback
from clients import Client, ClientTls, Curl, CurlActiveCcc, Ftplib, FtplibResuming, Lftp, Mode
from clients import Target, Tnftp
from everything import LOOPBACK, Case
from ports import free_port
from servers import ProFtpdOfInetd, PureFtpd, PyFtpd, ServerTls, Vsftpd

pytestmark = pytest.mark.skipif(DIRECT, reason="it is about the two legs")

PASV, EPSV, PORT, EPRT = Mode

# The backend leg: the server's own requirement, and the pool's settings. Servers that require TLS
# on data expose any clear text. All servers that can require session reuse do.
LEGS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("optional", {"mode": "off"}),
    "explicit": ("login", {"mode": "explicit"}),
    "explicit-1.2": ("login", {"mode": "explicit", "max_version": "1.2"}),
    "always": ("data", {"mode": "explicit", "data": "always"}),
    "always-1.2": ("data", {"mode": "explicit", "data": "always", "max_version": "1.2"}),
    "never": ("login", {"mode": "explicit", "data": "never"}),
    "implicit": ("implicit", {"mode": "implicit"}),
    "as-client": ("optional", {"mode": "as-client"}),
}


@dataclass(frozen=True)
class Row:
    client: type[Client]
    mode: Mode
    family: str
    # "plain", "explicit", "implicit" or "ccc".
    how: str
    version: str
    # PROT P or C.
    level: str
    leg: str

    def __str__(self) -> str:
        tls = f"{self.how}-{self.version}-{self.level}" if self.version else self.how
        return f"{Case(self.client, self.mode, self.family)}-{tls}-{self.leg}"


ROWS = [
    Row(Curl, PASV, "ipv4", "explicit", "1.2", "P", "plain"),
    Row(Curl, EPSV, "ipv4", "explicit", "1.3", "P", "always"),
    Row(Curl, EPSV, "ipv6", "implicit", "1.3", "P", "always-1.2"),
    Row(Curl, PASV, "ipv4", "implicit", "1.2", "P", "implicit"),
    Row(Curl, EPSV, "ipv4", "explicit", "1.3", "C", "always"),
    Row(Curl, PASV, "ipv4", "ccc", "1.2", "P", "as-client"),
    Row(CurlActiveCcc, EPSV, "ipv4", "ccc", "1.3", "P", "plain"),
    Row(Lftp, PASV, "ipv4", "explicit", "1.3", "P", "plain"),
    Row(Lftp, EPSV, "ipv6", "explicit", "1.2", "P", "always"),
    Row(Lftp, PORT, "ipv4", "implicit", "1.3", "P", "explicit-1.2"),
    Row(Lftp, PORT, "ipv4", "explicit", "1.3", "P", "never"),
    Row(Lftp, EPSV, "ipv4", "explicit", "1.2", "C", "as-client"),
    Row(Ftplib, PASV, "ipv4", "explicit", "1.3", "P", "always"),
    Row(Ftplib, EPRT, "ipv6", "explicit", "1.2", "P", "implicit"),
    Row(Ftplib, PORT, "ipv4", "implicit", "1.2", "P", "never"),
    Row(Ftplib, EPSV, "ipv4", "ccc", "1.3", "P", "explicit-1.2"),
    Row(Ftplib, EPRT, "ipv4", "explicit", "1.3", "C", "always-1.2"),
    Row(FtplibResuming, PASV, "ipv4", "explicit", "1.2", "P", "as-client"),
    Row(FtplibResuming, EPSV, "ipv6", "implicit", "1.3", "P", "explicit"),
    Row(FtplibResuming, PORT, "ipv4", "explicit", "1.3", "P", "implicit"),
    Row(FtplibResuming, EPRT, "ipv4", "explicit", "1.2", "P", "plain"),
    Row(FtplibResuming, EPSV, "ipv4", "explicit", "1.3", "C", "never"),
    Row(Curl, EPSV, "ipv4", "plain", "", "", "explicit"),
    Row(Tnftp, PORT, "ipv4", "plain", "", "", "always"),
    Row(Lftp, PASV, "ipv4", "plain", "", "", "as-client"),
    Row(Ftplib, EPRT, "ipv6", "plain", "", "", "explicit-1.2"),
    Row(Tnftp, EPSV, "ipv4", "plain", "", "", "implicit"),
]
SERVERS: tuple[type[servers.Server], ...] = (Vsftpd, ProFtpdOfInetd, PureFtpd, PyFtpd)
KINDS = [kind.kind for kind in SERVERS]
CASES = [
    (kind, row)
    for kind in KINDS
    for row in ROWS
    if not (kind == PureFtpd.kind and row.leg == "implicit")
]


class Field:
    """All servers in every TLS mode, behind one balancer with a listener for each leg."""

    def __init__(self, work: Path) -> None:
        self.data = everything.random_file(work / "data")
        # A mix-up of the two legs' certificates makes verification fail.
        self.authority = Authority(work, "Authority of the front")
        front = for_loopback(self.authority, "ftp.example.com")
        behind = Authority(work, "Authority behind")
        self.servers: dict[tuple[str, str], servers.Server] = {}
        listeners, pools = [], []
        for number, kind in enumerate(SERVERS):
            address = f"127.0.0.{91 + number}"
            identity = for_loopback(behind, f"{kind.kind}.example.com", address)
            demands = {
                "optional": ServerTls(identity),
                "login": ServerTls(identity, required="login"),
                "data": ServerTls(identity, required="data"),
                "implicit": ServerTls(identity, implicit=True, required="login"),
            }
            if kind is PureFtpd:
                del demands["implicit"]
            for demand, tls in demands.items():
                # The legs use different address families.
                where = "::1" if demand == "login" else address
                root = work / f"files-{kind.kind}-{demand}"
                self.servers[kind.kind, demand] = kind(work, root, where, tls=tls)
            for leg, (demand, settings) in LEGS.items():
                if (kind.kind, demand) not in self.servers:
                    continue
                name = _name(kind.kind, leg)
                backend = Backend("only", self.servers[kind.kind, demand])
                probe = login_probe(work, interval="10s", timeout="10s")
                pool_tls = {**settings}
                if settings["mode"] != "off":
                    pool_tls["ca"] = behind.certificate
                pools.append(Pool(name, [backend], probe=probe, tls=pool_tls))
                tls_table = {"certificate": front.certificate, "key": front.key, "ccc": True}
                listeners.append(
                    Listener(name, name, tls=tls_table, implicit_port=free_port())
                )
        self.ballast = Ballast(work, listeners, pools)


def _name(kind: str, leg: str) -> str:
    return f"{kind}-{leg.replace('.', '')}"


@pytest.fixture(scope="module")
def field(module_work: Path) -> Iterator[Field]:
    field = Field(module_work)
    with running(field.servers.values(), field.ballast):
        yield field


@pytest.mark.parametrize(("kind", "row"), CASES, ids=str)
def test_every_client_does_everything(kind: str, row: Row, field: Field, work: Path) -> None:
    address = LOOPBACK[row.family]
    implicit = row.how == "implicit"
    tls = None
    if row.how != "plain":
        tls = ClientTls(
            field.authority.certificate,
            implicit=implicit,
            data=row.level == "P",
            version=row.version,
            ccc=row.how == "ccc",
        )
    place = field.ballast.where(_name(kind, row.leg), address, implicit=implicit)
    target = Target(*place, tls=tls)
    root = field.servers[kind, LEGS[row.leg][0]].root
    before = field.ballast.counters()
    everything.works(Case(row.client, row.mode, row.family), target, field.data, root, work)
    after = field.ballast.counters()

    def happened(counter: str) -> bool:
        return after[counter] > before[counter]

    # The counters show what the row asked for.
    assert happened("tls_control_handshakes") == (tls is not None)
    data = happened("tls_data_handshakes_full") or happened("tls_data_handshakes_resumed")
    assert data == (row.level == "P")
    # FTP_TLS does not resume. curl does not resume after CCC under 1.2.
    if row.client is not Ftplib and row.how != "ccc":
        assert not happened("tls_data_handshakes_full")
    protects = LEGS[row.leg][1].get("data", "as-client")
    behind = row.leg not in ("plain", "as-client") or (row.leg == "as-client" and tls is not None)
    data_behind = behind and (protects == "always" or (protects != "never" and row.level == "P"))
    resumed = happened("tls_backend_data_handshakes_resumed")
    full = happened("tls_backend_data_handshakes_full")
    assert (resumed or full) == data_behind
    # Pure-FTPd never resumes under 1.3.
    if kind != PureFtpd.kind:
        assert not full
    assert not happened("data_ends_without_close_notify")


@pytest.mark.parametrize("field_name", ["client", "mode", "family", "how", "version", "level"])
def test_the_rows_leave_out_no_value(field_name: str) -> None:
    met = {getattr(row, field_name) for row in ROWS}
    wanted: dict[str, set[Any]] = {
        "client": {*clients.ALL_TLS, CurlActiveCcc, Tnftp},
        "mode": set(Mode),
        "family": set(LOOPBACK),
        "how": {"plain", "explicit", "implicit", "ccc"},
        "version": {"", "1.2", "1.3"},
        "level": {"", "P", "C"},
    }
    assert met == wanted[field_name]
    assert {row.leg for row in ROWS} == set(LEGS)
