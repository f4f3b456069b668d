# SPDX-License-Identifier: Apache-2.0
"""The certificate that a client sees, and replaced files."""

import hashlib
import os
import shutil
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import clients
import waiting
from ballast import DIRECT, Backend, Ballast, Listener, Pool, run_ballast
from certificates import DAY, Authority, Identity, for_loopback
from clients import ClientTls, Mode, Target
from servers import ProFtpd, PyFtpd, ServerTls, Vsftpd
from tls import client_context
from wire import TlsWire, read_all

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

BIG = 1 << 30
ADDRESS = "127.0.0.141"


def _der(identity: Identity) -> bytes:
    return ssl.PEM_cert_to_DER_cert(identity.certificate.read_text())


class Field:
    """A listener with its own certificate files, which a test may replace, in front of a plain
    backend."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.authority = Authority(work)
        self.server = PyFtpd(work, work / "files", ADDRESS)
        (self.server.root / "file").write_bytes(b"content")

    def install(self, identity: Identity, name: str) -> tuple[Path, Path]:
        """Replaces certificate and key under fixed names, each in one step."""
        paths = (self.work / f"{name}.pem", self.work / f"{name}.key")
        for source, path in zip((identity.certificate, identity.key), paths, strict=True):
            new = path.with_suffix(path.suffix + ".new")
            shutil.copy(source, new)
            new.rename(path)
        return paths

    def context(self, version: str = "1.3") -> ssl.SSLContext:
        return client_context(self.authority.certificate, version=version, check_name=False)


@pytest.fixture
def field(work: Path) -> Iterator[Field]:
    field = Field(work)
    with field.server:
        yield field


def _balancer(field: Field, **table: object) -> Ballast:
    pools = [Pool("pool", [Backend("only", field.server)])]
    return Ballast(field.work, [Listener("ftp", "pool", tls=table)], pools)


def _shown(
    it: Ballast, context: ssl.SSLContext, server_name: str | None = None
) -> bytes:
    """The certificate that a new session gets, in DER."""
    with TlsWire(it.where(), context, server_name=server_name) as wire:
        wire.greeting()
        wire.secure()
        return wire.tls.peer_certificate()


def test_a_certificate_replaced_during_a_transfer(field: Field, work: Path) -> None:
    old = field.authority.issue("old", addresses=["127.0.0.1"])
    new = field.authority.issue("new", addresses=["127.0.0.1"])
    certificate, key = field.install(old, "listener")
    big = field.server.root / "big"
    big.touch()
    os.truncate(big, BIG)
    with _balancer(field, certificate=certificate, key=key) as it:
        wire = TlsWire(it.where(), field.context()).log_in_protected()
        assert wire.tls.peer_certificate() == _der(old)
        with wire.passive() as plain:
            wire.expect("RETR big", 150, 125)
            data = wire.protected(plain)
            received = len(data.recv(65536))
            # Nobody reads, so the transfer is still running.
            field.install(new, "listener")
            waiting.until(
                "new sessions get the new one", lambda: _shown(it, field.context()) == _der(new)
            )
            # An older session keeps its certificate, also for new data connections.
            while part := data.recv(1 << 20):
                received += len(part)
            assert received == BIG
            data.close_notify()
        assert wire.reply().code == 226
        assert wire.download("file") == b"content"
        wire.expect("QUIT", 221)
        wire.close()
        assert it.counters()["tls_data_handshakes_full"] == 0
        # A half-finished replacement is ignored, and the listener keeps the old files.
        certificate.write_text("nonsense\n")
        it.wait_for_log(
            "the complaint",
            lambda line: line["level"] == "warning" and str(certificate) in str(line),
        )
        assert _shown(it, field.context()) == _der(new)


def test_a_certificate_replaced_during_a_real_clients_transfer(field: Field, work: Path) -> None:
    old = field.authority.issue("old", addresses=["127.0.0.1"])
    new = field.authority.issue("new", addresses=["127.0.0.1"])
    certificate, key = field.install(old, "listener")
    big = field.server.root / "big"
    big.touch()
    os.truncate(big, BIG)
    with _balancer(field, certificate=certificate, key=key) as it:
        target = Target(*it.where(), tls=ClientTls(field.authority.certificate))
        client = clients.Curl(target, Mode.EPSV, work, rate=BIG // 4)
        local = work / "local"
        process = client.start(client.download_command("big", local))
        waiting.until("it is under way", lambda: local.exists() and local.stat().st_size > 0)
        field.install(new, "listener")
        waiting.until(
            "new sessions get the new one", lambda: _shown(it, field.context()) == _der(new)
        )
        assert process.poll() is None, "it was over before"
        said, _ = process.communicate(timeout=clients.RUN_SECONDS)
        assert process.returncode == 0, said
        assert local.stat().st_size == BIG
        assert _hash(local) == _hash(big)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_certificates_are_chosen_by_the_name_that_is_asked_for(field: Field) -> None:
    issue = field.authority.issue
    one = issue("one.example.com", names=["one.example.com"])
    two = issue("two.example.com", names=["two.example.com", "too.example.com"])
    star = issue("star.example.org", names=["*.example.org"])
    identities = (one, two, star)
    table = {
        "certificate": [each.certificate for each in identities],
        "key": [each.key for each in identities],
    }
    with _balancer(field, **table) as it:
        for version in ("1.2", "1.3"):
            wanted = {
                "one.example.com": one,
                "two.example.com": two,
                "TWO.example.com": two,
                "too.example.com": two,
                "any.example.org": star,
                # An unknown name, and no name: the first certificate.
                "other.example.net": one,
                None: one,
            }
            for name, identity in wanted.items():
                assert _shown(it, field.context(version), name) == _der(identity), name
        # Data connections use it too, and resume.
        context = client_context(field.authority.certificate, version="1.3")
        with TlsWire(it.where(), context, server_name="two.example.com") as wire:
            wire.log_in_protected()
            assert wire.download("file") == b"content"
        assert it.counters()["tls_data_handshakes_full"] == 0


def test_keys_may_be_in_the_certificates_files(field: Field) -> None:
    identity = for_loopback(field.authority, "both.example.com")
    with _balancer(field, certificate=identity.both) as it:
        assert _shown(it, field.context()) == _der(identity)


def test_rsa_and_ecdsa_side_by_side(field: Field) -> None:
    name = "ftp.example.com"
    ecdsa = field.authority.issue(name, names=[name], file="ecdsa")
    rsa = field.authority.issue(name, names=[name], kind="rsa", file="rsa")
    for order in ((ecdsa, rsa), (rsa, ecdsa)):
        table = {
            "certificate": [each.certificate for each in order],
            "key": [each.key for each in order],
        }
        work = field.work / order[0].key.stem
        work.mkdir()
        pools = [Pool("pool", [Backend("only", field.server)])]
        with Ballast(work, [Listener("ftp", "pool", tls=table)], pools) as it:
            # A client that supports both gets ECDSA; a client with RSA only gets RSA.
            assert _shown(it, field.context("1.2"), name) == _der(ecdsa)
            assert _shown(it, field.context("1.3"), name) == _der(ecdsa)
            old = field.context("1.2")
            old.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
            assert _shown(it, old, name) == _der(rsa)
            with TlsWire(it.where(), old, server_name=name).log_in_protected() as wire:
                assert wire.download("file") == b"content"


def test_host_must_be_the_name_of_the_handshake(field: Field) -> None:
    """RFC 7151 3.2.2."""
    one = field.authority.issue("one", names=["one.example.com", "two.example.com"])
    context = client_context(field.authority.certificate)
    with _balancer(field, certificate=one.certificate, key=one.key) as it:
        with TlsWire(it.where(), context, server_name="one.example.com") as wire:
            wire.greeting()
            # Before the handshake any name is accepted.
            wire.expect("HOST two.example.com", 220)
            wire.secure()
            wire.expect("HOST two.example.com", 504)
            wire.expect("HOST one.example.com", 220)
            wire.expect("HOST ONE.example.com", 220)
        with TlsWire(it.where(), field.context(), server_name="127.0.0.1") as wire:
            wire.greeting()
            # An address is not a name (RFC 6066 3), so there is nothing to compare.
            wire.secure()
            wire.expect("HOST two.example.com", 220)


def test_a_certificate_about_to_expire_is_warned_about(field: Field) -> None:
    short = field.authority.issue(
        "short", addresses=["127.0.0.1"], ends=timedelta(days=3), file="short"
    )
    with _balancer(field, certificate=short.certificate, key=short.key) as it:
        it.wait_for_log(
            "the warning",
            lambda line: line["level"] == "warning"
            and str(short.certificate) in str(line)
            and "expire" in str(line),
        )


# Backends that ask for a certificate.


@pytest.mark.parametrize("kind", [Vsftpd, ProFtpd], ids=lambda kind: kind.kind)
def test_a_backend_sees_the_pools_certificate(kind: type, field: Field, work: Path) -> None:
    behind = Authority(work, "Authority behind")
    identity = for_loopback(behind, "backend.example.com", ADDRESS)
    mine = behind.issue("balancer")
    front = for_loopback(field.authority, "ftp.example.com")
    tls = ServerTls(identity, required="data", client_ca=behind.certificate)
    table = {"certificate": front.certificate, "key": front.key}
    pool_tls = {"mode": "explicit", "ca": behind.certificate}
    context = client_context(field.authority.certificate)
    with kind(work, work / "files-behind", ADDRESS, tls=tls) as server:
        (server.root / "file").write_bytes(b"content")
        for name, own in (("with", True), ("without", False)):
            shown = {"certificate": mine.certificate, "key": mine.key} if own else {}
            pools = [Pool("pool", [Backend("only", server)], tls={**pool_tls, **shown})]
            with (
                Ballast(work / name, [Listener("ftp", "pool", tls=table)], pools) as it,
                TlsWire(it.where(), context) as wire,
            ):
                wire.greeting()
                wire.secure()
                if not own:
                    assert wire.ask("USER tester").code in (421, 530)
                    continue
                wire.expect("USER tester", 331)
                wire.expect("PASS s3cret-Tester", 230)
                wire.protect()
                assert wire.download("file") == b"content"


def test_a_backend_with_its_own_settings(field: Field, work: Path) -> None:
    """A backend's TLS settings override the pool's, key by key."""
    behind = Authority(work, "Authority behind")
    # The name is set, because the certificate does not contain the address.
    identity = behind.issue("alf1.example.com", names=["alf1.example.com"])
    front = for_loopback(field.authority, "ftp.example.com")
    context = client_context(field.authority.certificate)
    with Vsftpd(work, work / "files-behind", ADDRESS, tls=ServerTls(identity)) as server:
        (server.root / "file").write_bytes(b"content")
        own = {"tls": {"server_name": "alf1.example.com", "max_version": "1.2"}}
        pool = Pool(
            "pool",
            [Backend("only", server, own)],
            tls={"mode": "explicit", "ca": behind.certificate},
        )
        table = {"certificate": front.certificate, "key": front.key}
        with (
            Ballast(work, [Listener("ftp", "pool", tls=table)], [pool]) as it,
            TlsWire(it.where(), context).log_in_protected() as wire,
        ):
            assert wire.download("file") == b"content"


# `check` and files.


def test_files_that_do_not_belong_together_are_found_by_check(field: Field) -> None:
    one = field.authority.issue("one")
    two = field.authority.issue("two")
    gone = field.authority.issue("gone", begins=-9 * DAY, ends=-DAY)
    missing = field.work / "missing.pem"
    for table, word in (
        ({"certificate": one.certificate, "key": two.key}, str(two.key)),
        ({"certificate": one.certificate}, str(one.certificate)),
        ({"certificate": missing, "key": one.key}, str(missing)),
    ):
        it = _unstarted(field, table)
        done = run_ballast("check", "-c", it.configuration)
        assert done.returncode == 1, done
        assert word in done.stdout + done.stderr, done
    # An expired certificate is only a warning.
    it = _unstarted(field, {"certificate": gone.certificate, "key": gone.key})
    done = run_ballast("check", "-c", it.configuration)
    assert done.returncode == 0, done


def _unstarted(field: Field, table: dict[str, object]) -> Ballast:
    pools = [Pool("pool", [Backend("only", field.server)])]
    work = field.work / f"check-{len(list(field.work.glob('check-*')))}"
    it = Ballast(work, [Listener("ftp", "pool", tls=table)], pools)
    it.configuration.write_text(it.text())
    return it


def test_the_bytes_of_a_download_are_the_files(field: Field) -> None:
    """Large pieces arrive in order, not only in the right number."""
    content = os.urandom(5_000_000)
    (field.server.root / "random").write_bytes(content)
    identity = for_loopback(field.authority, "ftp.example.com")
    with (
        _balancer(field, certificate=identity.both) as it,
        TlsWire(it.where(), field.context()).log_in_protected() as wire,
        wire.passive() as plain,
    ):
        wire.expect("RETR random", 150, 125)
        with wire.protected(plain) as data:
            assert read_all(data) == content
            data.close_notify()
        assert wire.reply().code == 226
