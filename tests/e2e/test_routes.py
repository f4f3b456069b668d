# SPDX-License-Identifier: Apache-2.0
"""The choice of a pool: routes, and user names that contain more than the user."""

import contextlib
import ftplib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import clients
from ballast import DIRECT, Ballast, Listener, Pool
from certificates import Authority, Identity, for_loopback
from clients import Client, ClientError, ClientTls, Mode, Target
from farm import WHO, Farm, Visit, refusal, who
from ports import free_port
from servers import ACCOUNTS, TESTER, Account

pytestmark = pytest.mark.skipif(DIRECT, reason="there is one way only")

ANNA = Account("sales-anna", "s3cret-Anna")
BOB = Account("bob", "s3cret-Bob")
BEN = Account("ben", "s3cret-Ben")
# Names that only look as if they contained more.
MAIL = Account("alice@elsewhere", "s3cret-Mail")
PERCENT = Account("alice%elsewhere", "s3cret-Percent")
ALICE = Account("alice", "s3cret-Alice")

Route = Mapping[str, Any]


@pytest.fixture(scope="module")
def whole_farm(module_work: Path) -> Iterator[Farm]:
    accounts = [*ACCOUNTS, ANNA, BOB, BEN, MAIL, PERCENT, ALICE]
    with Farm(module_work, ("main", "sales", "tech"), accounts=accounts, network=7) as farm:
        yield farm


@contextlib.contextmanager
def _routed(
    farm: Farm,
    work: Path,
    routes: Sequence[Route],
    *,
    default: str = "main",
    tls: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Ballast]:
    """A pool for each server, with the server's name."""
    pools = [Pool(name, [farm.backend(name)]) for name in farm.servers]
    listener = Listener("ftp", default, settings=settings, routes=routes, tls=tls)
    with Ballast(work, [listener], pools) as it:
        yield it


def _after_host(it: Ballast, host: str, account: Account = TESTER) -> str:
    with contextlib.closing(Visit(it.where(), None)) as visit:
        assert visit.sendcmd(f"HOST {host}").startswith("220")
        visit.login(account.name, account.password)
        return visit.who()


def test_by_user(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*"}, "pool": "sales"},
        {"match": {"user": ["b?b", "carl"]}, "pool": "tech"},
    ]
    with _routed(farm, work, routes) as it:
        assert who(it.where(), ANNA) == "sales"
        assert who(it.where(), BOB) == "tech"
        assert who(it.where(), BEN) == "main"
        assert who(it.where(), TESTER) == "main"


def test_by_network(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"network": "127.0.51.0/24"}, "pool": "sales"},
        {"match": {"network": ["127.0.52.9", "::1"]}, "pool": "tech"},
    ]
    with _routed(farm, work, routes) as it:
        assert who(it.where(), source="127.0.51.200") == "sales"
        assert who(it.where(), source="127.0.52.9") == "tech"
        assert who(it.where(), source="127.0.52.10") == "main"
        assert who(it.where(address="::1")) == "tech"


def test_by_host(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"host": "ftp.sales.example.com"}, "pool": "sales"},
        {"match": {"host": "*.tech.example.com"}, "pool": "tech"},
    ]
    with _routed(farm, work, routes) as it:
        assert _after_host(it, "ftp.sales.example.com") == "sales"
        assert _after_host(it, "FTP.Sales.Example.COM") == "sales"
        assert _after_host(it, "a.tech.example.com") == "tech"
        # Without HOST.
        assert who(it.where()) == "main"


def test_a_client_that_says_host_where_feat_has_it(farm: Farm, work: Path) -> None:
    # lftp sends the name that it connects to.
    routes: list[Route] = [{"match": {"host": "localhost"}, "pool": "sales"}]
    with _routed(farm, work, routes) as it:
        address, port = it.where()
        for name, pool in (("localhost", "sales"), (address, "main")):
            lftp = clients.Lftp(Target(name, port), Mode.EPSV, work)
            assert _download_who(lftp, work) == pool
            assert f"---> HOST {name}" in lftp.dialog


def test_a_host_that_no_route_names_is_504(farm: Farm, work: Path) -> None:
    routes: list[Route] = [{"match": {"host": "ftp.sales.example.com"}, "pool": "sales"}]
    with _routed(farm, work, routes) as it:
        with contextlib.closing(Visit(it.where(), None)) as visit:
            with pytest.raises(ftplib.error_perm, match="^504 "):
                visit.sendcmd("HOST ftp.other.example.com")
            # The session continues, and may name another host.
            assert visit.sendcmd("HOST ftp.sales.example.com").startswith("220")
            with pytest.raises(ftplib.error_perm, match="^504 "):
                visit.sendcmd("HOST ftp.other.example.com")
            visit.login(TESTER.name, TESTER.password)
            assert visit.who() == "sales"
    with _routed(farm, work / "without", []) as it:
        # No route asks for a host.
        assert _after_host(it, "ftp.other.example.com") == "main"


def test_all_of_a_match_has_to_hold(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*", "network": "127.0.51.0/24"}, "pool": "sales"}
    ]
    with _routed(farm, work, routes) as it:
        assert who(it.where(), ANNA, source="127.0.51.1") == "sales"
        assert who(it.where(), ANNA, source="127.0.52.1") == "main"
        assert who(it.where(), BOB, source="127.0.51.1") == "main"


@pytest.mark.parametrize("first", ["sales", "tech"])
def test_the_first_that_matches_decides(first: str, farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*"}, "pool": "sales"},
        {"match": {"user": "*-anna"}, "pool": "tech"},
    ]
    if first == "tech":
        routes.reverse()
    with _routed(farm, work, routes) as it:
        assert who(it.where(), ANNA) == first


def test_a_route_that_rejects_says_so_in_its_own_words(farm: Farm, work: Path) -> None:
    words = "530 Not from here, please."
    routes: list[Route] = [
        {"match": {"user": "sales-*", "network": "127.0.51.0/24"}, "reject": words},
        {"match": {"user": "sales-*"}, "pool": "sales"},
    ]
    with _routed(farm, work, routes) as it:
        assert refusal(it.where(), ANNA, source="127.0.51.1") == words
        assert not any(farm.logins())
        assert who(it.where(), ANNA) == "sales"
        # The session continues, and its next USER is routed again.
        with contextlib.closing(Visit(it.where(), None, source="127.0.51.1")) as visit:
            with pytest.raises(ftplib.error_perm, match=words):
                visit.sendcmd(f"USER {ANNA.name}")
            visit.login(BOB.name, BOB.password)
            assert visit.who() == "main"


def test_a_client_that_matches_nothing_is_refused(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*"}, "pool": "sales"},
        {"match": {"host": "ftp.tech.example.com"}, "pool": "tech"},
    ]
    with _routed(farm, work, routes, default="") as it:
        with contextlib.closing(Visit(it.where(), None)) as visit:
            with pytest.raises(ftplib.error_perm, match="^530 "):
                visit.sendcmd(f"USER {BOB.name}")
            assert visit.sendcmd("NOOP").startswith("200")
            visit.login(ANNA.name, ANNA.password)
            assert visit.who() == "sales"
        with contextlib.closing(Visit(it.where(), None)) as visit:
            with pytest.raises(ftplib.error_perm, match="^530 "):
                visit.sendcmd(f"USER {BOB.name}")
            assert visit.sendcmd("HOST ftp.tech.example.com").startswith("220")
            visit.login(BOB.name, BOB.password)
            assert visit.who() == "tech"
        assert not farm.who_logged_in("main")


def test_a_user_before_login_is_routed_again(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*"}, "pool": "sales"},
        {"match": {"user": "b*"}, "pool": "tech"},
    ]
    with _routed(farm, work, routes) as it, contextlib.closing(Visit(it.where(), None)) as visit:
        assert visit.sendcmd(f"USER {ANNA.name}").startswith("331")
        visit.login(BOB.name, BOB.password)
        assert visit.who() == "tech"


# User names that contain more.


def test_a_user_names_the_pool(farm: Farm, work: Path) -> None:
    # Both pools are allowed; a plain name gets the first.
    routes: list[Route] = [{"match": {"user": "a*"}, "pool": "main"}, {"pool": "sales"}]
    with _routed(farm, work, routes, default="", user_at_pool=True) as it:
        assert who(it.where(), ALICE) == "main"
        assert who(it.where(), Account("alice@sales", ALICE.password)) == "sales"
        assert who(it.where(), Account("alice@main", ALICE.password)) == "main"
        # Not a pool's name, so it is part of the user's name.
        assert who(it.where(), MAIL) == "main"
        # The rest of the name may contain the sign too.
        assert who(it.where(), Account(f"{MAIL.name}@sales", MAIL.password)) == "sales"
    assert farm.who_logged_in("sales") == ["alice", MAIL.name]
    assert farm.who_logged_in("main") == ["alice", "alice", MAIL.name]


def test_a_user_names_the_host(farm: Farm, work: Path) -> None:
    routes: list[Route] = [{"match": {"host": "ftp.sales.example.com"}, "pool": "sales"}]
    with _routed(farm, work, routes, user_at_host=True) as it:
        named = Account("alice%ftp.sales.example.com", ALICE.password)
        assert who(it.where(), named) == "sales"
        assert who(it.where(), ALICE) == "main"
        assert who(it.where(), PERCENT) == "main"
    assert farm.who_logged_in("sales") == ["alice"]
    assert farm.who_logged_in("main") == ["alice", PERCENT.name]


def test_by_default_names_have_no_special_meaning(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"host": "elsewhere"}, "pool": "sales"},
        {"match": {"user": "tech-*"}, "pool": "tech"},
        {"pool": "main"},
    ]
    with _routed(farm, work, routes, default="") as it:
        assert who(it.where(), MAIL) == "main"
        assert who(it.where(), PERCENT) == "main"
        assert refusal(it.where(), Account("alice@tech", ALICE.password)).startswith("530 ")
    assert farm.who_logged_in("main") == [MAIL.name, PERCENT.name]


def test_a_user_is_routed_by_the_name_that_is_left(farm: Farm, work: Path) -> None:
    routes: list[Route] = [
        {"match": {"user": "sales-*"}, "pool": "sales"},
        {"match": {"user": "sales-*"}, "pool": "tech"},
    ]
    with _routed(farm, work, routes, user_at_pool=True) as it:
        assert who(it.where(), Account(f"{ANNA.name}@tech", ANNA.password)) == "tech"
        # A pool's name does not bypass the routes.
        assert refusal(it.where(), Account("bob@tech", BOB.password)).startswith("530 ")
        assert refusal(it.where(), Account("bob@tech", BOB.password)).startswith("530 ")
        assert who(it.where(), Account("bob@main", BOB.password)) == "main"


# Information from TLS.


class Named(clients.Curl):
    """curl with a fixed address for a name."""

    def __init__(self, name: str, target: Target, work: Path) -> None:
        super().__init__(
            Target(name, target.port, target.account, target.tls), Mode.EPSV, work
        )
        self._resolve = f"{name}:{target.port}:{target.address}"

    def _common(self) -> list[str]:
        return [*super()._common(), "--resolve", self._resolve]


@pytest.fixture(scope="module")
def authority(module_work: Path) -> Authority:
    return Authority(module_work)


@pytest.fixture(scope="module")
def front(authority: Authority) -> Identity:
    names = ["ftp.example.com", "sales.example.com", "tech.example.com", "localhost"]
    return authority.issue("ftp.example.com", names=names, addresses=["127.0.0.1", "::1"])


def _download_who(client: Client, work: Path) -> str:
    client.download(WHO, work / "local")
    return (work / "local").read_text().strip()


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_by_the_name_in_the_handshake(
    implicit: bool, farm: Farm, authority: Authority, front: Identity, work: Path
) -> None:
    routes: list[Route] = [
        {"match": {"sni": "sales.example.com"}, "pool": "sales"},
        {"match": {"sni": "t*.example.com"}, "pool": "tech"},
    ]
    pools = [Pool(name, [farm.backend(name)]) for name in farm.servers]
    listener = Listener(
        *("ftp", "main"),
        routes=routes,
        tls={"certificate": front.certificate, "key": front.key},
    )
    listener.implicit_port = free_port() if implicit else 0
    with Ballast(work, [listener], pools) as it:
        address, port = it.where(implicit=implicit)
        target = Target(
            address, port, tls=ClientTls(authority.certificate, implicit=implicit)
        )
        for name, pool in (("sales", "sales"), ("tech", "tech"), ("ftp", "main")):
            curl = Named(f"{name}.example.com", target, work)
            assert _download_who(curl, work) == pool
        if not implicit:
            # Without TLS there is no such name.
            assert who(it.where()) == "main"


def test_by_the_clients_certificate(
    farm: Farm, authority: Authority, front: Identity, work: Path
) -> None:
    routes: list[Route] = [
        {"match": {"certificate": "*CN=sales *"}, "pool": "sales"},
        {"match": {"certificate": "*"}, "pool": "tech"},
    ]
    tls = {
        "certificate": front.certificate,
        "key": front.key,
        "client_ca": authority.certificate,
        "client_certificate": "request",
    }
    people = {
        "sales": for_loopback(authority, "sales Anna"),
        "tech": for_loopback(authority, "Bob of tech"),
    }
    with _routed(farm, work, routes, tls=tls) as it:
        for pool, person in people.items():
            shows = ClientTls(authority.certificate, certificate=person.both)
            for client in (clients.Curl, clients.Lftp, clients.Ftplib):
                target = Target(*it.where(), tls=shows)
                assert _download_who(client(target, Mode.EPSV, work), work) == pool
        # TLS without a certificate.
        nobody = Target(*it.where(), tls=ClientTls(authority.certificate))
        assert _download_who(clients.Curl(nobody, Mode.EPSV, work), work) == "main"
        assert who(it.where()) == "main"


def test_only_clients_with_a_certificate_get_in(
    farm: Farm, authority: Authority, front: Identity, work: Path
) -> None:
    routes: list[Route] = [{"match": {"certificate": "CN=sales Anna"}, "pool": "sales"}]
    tls = {
        "certificate": front.certificate,
        "key": front.key,
        "client_ca": authority.certificate,
        "client_certificate": "request",
    }
    anna = authority.issue("sales Anna", file="only-anna")
    with _routed(farm, work, routes, default="", tls=tls) as it:
        shows = ClientTls(authority.certificate, certificate=anna.both)
        curl = clients.Curl(Target(*it.where(), tls=shows), Mode.EPSV, work)
        assert _download_who(curl, work) == "sales"
        shows_none = Target(*it.where(), tls=ClientTls(authority.certificate))
        with pytest.raises(ClientError, match="530 "):
            clients.Curl(shows_none, Mode.EPSV, work).download(WHO, work / "local")
