# SPDX-License-Identifier: Apache-2.0
"""Certificate authorities and certificates for the tests, made with the openssl program."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import waiting

_KEY = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}

_CONFIGURATION = """\
[ca]
default_ca = authority
[authority]
database = {directory}/index
new_certs_dir = {directory}/new
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
x509_extensions = leaf
[anything]
commonName = supplied
[leaf]
{extensions}
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[self_signed]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

DAY = timedelta(days=1)


def _openssl(*words: str | Path, directory: Path) -> None:
    done = subprocess.run(
        ["openssl", *map(str, words)],
        cwd=directory,
        # Ignore the machine's own settings.
        env={**os.environ, "OPENSSL_CONF": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}:\n{done.stdout}{done.stderr}")


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as PEM files. The key is readable by root alone."""

    name: str
    certificate: Path
    key: Path
    # The certificate and the key in one file.
    both: Path


class Authority:
    """Signs certificates. Whoever trusts one authority does not trust another."""

    def __init__(self, work: Path, name: str = "Authority of the tests") -> None:
        self.directory = work / name.replace(" ", "-")
        (self.directory / "new").mkdir(parents=True)
        (self.directory / "index").touch()
        self.certificate = self.directory / "ca.pem"
        self._name = name
        configuration = self._configuration(name, "")
        self._make_key("ca", "ecdsa")
        _openssl(
            *("req", "-x509", "-new", "-config", configuration, "-extensions", "self_signed"),
            *("-key", "ca.key", "-days", "3650", "-out", "ca.pem"),
            directory=self.directory,
        )

    def issue(
        self,
        name: str,
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
        kind: str = "ecdsa",
        begins: timedelta = -DAY,
        ends: timedelta = 365 * DAY,
        file: str | None = None,
    ) -> Identity:
        """`name` is the subject's CN, `names` and `addresses` the subject's alternative names,
        `begins` and `ends` count from now. Valid for servers and for clients. `file` is the base of
        the file names."""
        base = file or "".join(c if c.isalnum() else "-" for c in name)
        alternative = [f"DNS:{each}" for each in names] + [f"IP:{each}" for each in addresses]
        extensions = [
            "basicConstraints = critical, CA:false",
            "keyUsage = critical, digitalSignature",
            "extendedKeyUsage = serverAuth, clientAuth",
            "subjectKeyIdentifier = hash",
            "authorityKeyIdentifier = keyid",
        ]
        if alternative:
            extensions.append(f"subjectAltName = {', '.join(alternative)}")
        configuration = self._configuration(name, "\n".join(extensions), base)
        self._make_key(base, kind)
        request = f"{base}.csr"
        _openssl(
            *("req", "-new", "-config", configuration, "-key", f"{base}.key", "-out", request),
            directory=self.directory,
        )
        now = datetime.now(UTC)
        _openssl(
            *("ca", "-batch", "-notext", "-config", configuration, "-in", request),
            *("-startdate", _asn1(now + begins), "-enddate", _asn1(now + ends)),
            *("-out", f"{base}.pem"),
            directory=self.directory,
        )
        identity = Identity(
            name,
            certificate=self.directory / f"{base}.pem",
            key=self.directory / f"{base}.key",
            both=self.directory / f"{base}-both.pem",
        )
        identity.both.write_bytes(identity.certificate.read_bytes() + identity.key.read_bytes())
        identity.both.chmod(0o600)
        return identity

    def _configuration(self, name: str, extensions: str, base: str = "ca") -> Path:
        path = self.directory / f"{base}.cnf"
        path.write_text(
            _CONFIGURATION.format(directory=self.directory, name=name, extensions=extensions)
        )
        return path

    def _make_key(self, base: str, kind: str) -> None:
        _openssl("genpkey", *_KEY[kind], "-out", f"{base}.key", directory=self.directory)


def _asn1(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%SZ")


def for_loopback(authority: Authority, name: str, *addresses: str) -> Identity:
    """A certificate for a server on its own and on the usual loopback addresses."""
    return authority.issue(
        name, names=[name, "localhost"], addresses=["127.0.0.1", "::1", *addresses]
    )
