# SPDX-License-Identifier: Apache-2.0
"""Real FTP servers as private instances on loopback addresses.

Debian's packages exclude each other, so they are unpacked side by side in .servers/ and run from
there. Each instance keeps its configuration, logs and accounts in its own directory; the machine is
not changed. Servers that use only the system's accounts get their own /etc/passwd and /etc/pam.d in
a mount namespace.
"""

import contextlib
import gzip
import os
import pwd
import re
import socket
import ssl
import subprocess
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import waiting
from certificates import Identity
from ports import free_port
from process import Process

with warnings.catch_warnings():
    # Removed in Python 3.13; Debian 12 has 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

REPOSITORY = Path(__file__).resolve().parents[2]
UNPACKED = REPOSITORY / ".servers"
HERE = Path(__file__).resolve().parent

# Owner of all files that servers create. The machine needs no such account.
OWNER = 60021


@dataclass(frozen=True)
class Account:
    name: str
    password: str


TESTER = Account("tester", "s3cret-Tester")
PROBE = Account("probe", "s3cret-Probe")
ACCOUNTS = (TESTER, PROBE)


@dataclass(frozen=True)
class ServerTls:
    """How a server speaks TLS. Data connections must resume the control connection's session
    wherever the server can ask for it (vsftpd, ProFTPD), unless told otherwise."""

    identity: Identity
    implicit: bool = False
    # "login": no login in clear. "data": no data in clear either.
    required: str = ""
    reuse_required: bool = True
    # "1.2" or "1.3": this version alone.
    version: str = ""
    # Data that ends without close_notify is incomplete. vsftpd only.
    strict: bool = False
    # Clients must show a certificate of this authority. vsftpd and ProFTPD only.
    client_ca: Path | None = None


@dataclass(frozen=True)
class Passive:
    """The ports for a server's passive data connections, and its address in PASV."""

    ports: range
    announced: str


def open_to_all(directory: Path) -> Path:
    """A directory in which servers under any account may read, write and delete."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o777)
    return directory


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Server(ABC):
    """One instance: `start`, then `kill`, repeatedly, always on one port."""

    kind: ClassVar[str]

    def __init__(
        self,
        work: Path,
        root: Path,
        address: str,
        port: int | None = None,
        *,
        accounts: Sequence[Account] = ACCOUNTS,
        prefix: Sequence[str] = (),
        tls: ServerTls | None = None,
        passive: Passive | None = None,
    ) -> None:
        """Only vsftpd, ProFTPD and pyftpdlib support `passive`."""
        self.address = address
        self.tls = tls
        self.passive = passive
        self.port = port or free_port()
        self.root = open_to_all(root)
        self.accounts = accounts
        self.work = work / f"{self.kind}-{address.replace(':', '.')}-{self.port}"
        self.work.mkdir(parents=True)
        self.log = self.work / "output.log"
        self._prefix = tuple(prefix)
        self._process: Process | None = None

    @property
    def endpoint(self) -> str:
        return endpoint(self.address, self.port)

    @property
    def binary(self) -> Path:
        return UNPACKED / self.kind / "usr/sbin" / self.kind

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """Writes the configuration and returns the command."""

    def _environment(self) -> dict[str, str]:
        """Limits TLS versions in OpenSSL's own configuration file, because not every server has a
        setting for that."""
        if self.tls is None or not self.tls.version:
            return {}
        version = f"TLSv{self.tls.version}"
        path = self.work / "openssl.cnf"
        path.write_text(
            "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = limits\n"
            f"[limits]\nMinProtocol = {version}\nMaxProtocol = {version}\n"
        )
        return {"OPENSSL_CONF": str(path)}

    def start(self) -> None:
        assert self._process is None, f"{self.kind} runs already"
        process = Process(
            self._command(), self.log, prefix=self._prefix, environment=self._environment()
        )
        self._process = process

        def greets() -> bool:
            if process.exit_status() is not None:
                raise RuntimeError(f"{self.kind} did not start:\n{self.log.read_text()}")
            return self._greets()

        waiting.until(f"{self.kind} greets on {self.endpoint}", greets)

    def _greets(self) -> bool:
        if self._prefix:
            # In another network: a program in that network must connect.
            implicit = self.tls is not None and self.tls.implicit
            script = (
                "import socket,ssl,sys;"
                "s=socket.create_connection((sys.argv[1],int(sys.argv[2])),2);"
                f"s=ssl._create_unverified_context().wrap_socket(s) if {implicit} else s;"
                "sys.exit(s.recv(3)!=b'220')"
            )
            asked = subprocess.run(
                [*self._prefix, sys.executable, "-c", script, self.address, str(self.port)],
                capture_output=True,
                check=False,
                timeout=waiting.PATIENCE,
            )
            return asked.returncode == 0
        try:
            with socket.create_connection((self.address, self.port), 2) as trial:
                if self.tls is None or not self.tls.implicit:
                    return trial.recv(3) == b"220"
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                with context.wrap_socket(trial) as protected:
                    return protected.recv(3) == b"220"
        except OSError:
            return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_down(self) -> bool:
        return self._process is None

    def kill(self) -> None:
        """The server and all of its sessions, in one instant."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    # Some servers leave their sessions running at SIGTERM, so always kill them.
    stop = kill

    def pause(self) -> None:
        """The server and its sessions hang: the kernel accepts and acknowledges, nobody replies."""
        assert self._process is not None
        self._process.pause()

    def resume(self) -> None:
        assert self._process is not None
        self._process.resume()

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class _SystemAccounts:
    """One server's view of /etc/passwd, /etc/shadow, /etc/shells and /etc/pam.d."""

    def __init__(self, directory: Path, accounts: Sequence[Account], home: Path) -> None:
        etc = directory / "etc"
        pam = etc / "pam.d"
        pam.mkdir(parents=True, exist_ok=True)
        # The machine's entries, without the names that are added here.
        machine = Path("/etc/passwd").read_text().splitlines()
        names = {account.name for account in accounts}
        passwd = [line for line in machine if line.split(":", 1)[0] not in names]
        shadow = []
        for account in accounts:
            passwd.append(f"{account.name}:x:{OWNER}:{OWNER}::{home}:/bin/sh")
            shadow.append(f"{account.name}:{crypt.crypt(account.password)}:19000:0:99999:7:::")
        (etc / "passwd").write_text("\n".join(passwd) + "\n")
        (etc / "shadow").write_text("\n".join(shadow) + "\n")
        (etc / "shells").write_text("/bin/sh\n")
        rules = "".join(
            f"{step} required {module}.so\n"
            for step, module in zip(
                ("auth", "account", "session"), ("pam_unix", "pam_unix", "pam_permit"), strict=True
            )
        )
        for service in ("vsftpd", "ftp", "other"):
            (pam / service).write_text(rules)
        self._etc = etc

    def command(self) -> list[str]:
        """The prefix for the server's command. Needs root."""
        binds = []
        for name in ("passwd", "shadow", "shells", "pam.d"):
            target = Path("/etc") / name
            # A mount needs an existing target.
            if target.exists():
                binds.append(f"mount --bind '{self._etc / name}' '{target}'")
        script = " && ".join([*binds, 'exec "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]


class Vsftpd(Server):
    """With its own system accounts, which needs root; or `anonymous`, as the present user, or as
    nobody if that is root. Anonymous logins need an account's password."""

    kind = "vsftpd"

    def __init__(
        self,
        *args: object,
        anonymous: bool = False,
        settings: Mapping[str, object] | None = None,
        **named: object,
    ) -> None:
        """`settings` are more of them."""
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self._settings = dict(settings or {})
        self._anonymous = anonymous
        self.xferlog = self.work / "xferlog"
        self.protocol_log = self.work / "vsftpd.log"
        if anonymous:
            self.accounts = [Account("anonymous", account.password) for account in self.accounts]

    def _command(self) -> list[str | Path]:
        empty = self.work / "empty"
        empty.mkdir(exist_ok=True)
        empty.chmod(0o555)
        settings = {
            "background": "NO",
            "listen_port": self.port,
            "write_enable": "YES",
            "file_open_mode": "0666",
            "connect_from_port_20": "NO",
            "secure_chroot_dir": empty,
            "nopriv_user": "nobody",
            "seccomp_sandbox": "NO",
            "isolate": "NO",
            "isolate_network": "NO",
            "session_support": "NO",
            "delay_failed_login": 0,
            "max_clients": 0,
            "max_per_ip": 0,
            "xferlog_enable": "YES",
            "xferlog_std_format": "YES",
            "xferlog_file": self.xferlog,
            "dual_log_enable": "YES",
            "vsftpd_log_file": self.protocol_log,
            "log_ftp_protocol": "YES",
            **self._settings,
        }
        if self.passive is not None:
            settings |= {"pasv_address": self.passive.announced}
            settings |= {"pasv_min_port": self.passive.ports[0]}
            settings |= {"pasv_max_port": self.passive.ports[-1]}
        if ":" in self.address:
            settings |= {"listen": "NO", "listen_ipv6": "YES", "listen_address6": self.address}
        else:
            settings |= {"listen": "YES", "listen_ipv6": "NO", "listen_address": self.address}
        before: list[str] = []
        if self._anonymous:
            passwords = self.work / "passwords"
            passwords.write_text("".join(f"{each.password}\n" for each in self.accounts))
            settings |= {
                "anonymous_enable": "YES",
                "local_enable": "NO",
                "anon_root": self.root,
                "anon_umask": "000",
                "anon_upload_enable": "YES",
                "anon_mkdir_write_enable": "YES",
                "anon_other_write_enable": "YES",
                "anon_world_readable_only": "NO",
                "allow_writeable_chroot": "YES",
                "ftp_username": "nobody",
                "secure_email_list_enable": "YES",
                "email_password_file": passwords,
                "run_as_launching_user": "YES",
            }
        else:
            before = _SystemAccounts(self.work, self.accounts, self.root).command()
            settings |= {
                "anonymous_enable": "NO",
                "local_enable": "YES",
                "local_root": self.root,
                "local_umask": "000",
                "chroot_local_user": "YES",
                "allow_writeable_chroot": "YES",
                "pam_service_name": "vsftpd",
            }
        if self.tls is not None:
            settings |= self._tls_settings(self.tls)
        configuration = self.work / "vsftpd.conf"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        configuration.chmod(0o600)
        if self._anonymous and os.geteuid() == 0:
            before = self._as_nobody()
        return [*before, self.binary, configuration]

    def _tls_settings(self, tls: ServerTls) -> dict[str, object]:
        def yes(value: bool) -> str:
            return "YES" if value else "NO"

        settings: dict[str, object] = {
            "ssl_enable": "YES",
            "rsa_cert_file": tls.identity.certificate,
            "rsa_private_key_file": tls.identity.key,
            # Its default is 3DES.
            "ssl_ciphers": "HIGH",
            "ssl_tlsv1": "YES",
            "implicit_ssl": yes(tls.implicit),
            "allow_anon_ssl": "YES",
            "force_local_logins_ssl": yes(tls.required != ""),
            "force_local_data_ssl": yes(tls.required == "data"),
            "require_ssl_reuse": yes(tls.reuse_required),
            "strict_ssl_read_eof": yes(tls.strict),
            "strict_ssl_write_shutdown": yes(tls.strict),
            "debug_ssl": "YES",
        }
        if tls.client_ca is not None:
            settings |= {"require_cert": "YES", "validate_cert": "YES"}
            settings |= {"ca_certs_file": tls.client_ca}
        return settings

    def _as_nobody(self) -> list[str]:
        nobody = pwd.getpwnam("nobody")
        for path in (self.work, *self.work.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        ids = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
        # A change of user clears the setting that ends it with its parent.
        return ["setpriv", *ids, "--pdeathsig", "KILL", "--"]


class ProFtpd(Server):
    kind = "proftpd"

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.xferlog = self.work / "xferlog"

    def _command(self) -> list[str | Path]:
        passwd = self.work / "passwd"
        passwd.write_text(
            "".join(
                f"{each.name}:{crypt.crypt(each.password)}:{OWNER}:{OWNER}::{self.root}:/bin/sh\n"
                for each in self.accounts
            )
        )
        passwd.chmod(0o600)
        group = self.work / "group"
        group.write_text(f"testers:x:{OWNER}:\n")
        group.chmod(0o600)
        configuration = self.work / "proftpd.conf"
        configuration.write_text(
            f"""\
ModulePath {UNPACKED}/proftpd/usr/lib/proftpd
ServerName "ProFTPD of the tests"
ServerType standalone
DefaultServer on
DefaultAddress {self.address}
SocketBindTight on
Port {self.port}
UseIPv6 on
UseReverseDNS off
User nobody
Group nogroup
Umask 000 000
MaxInstances none
AuthOrder mod_auth_file.c
AuthUserFile {passwd}
AuthGroupFile {group}
RequireValidShell off
DefaultRoot ~
WtmpLog off
DelayEngine off
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
PidFile {self.work}/pid
ScoreboardFile {self.work}/scoreboard
DelayTable none
TransferLog {self.xferlog}
SystemLog {self.work}/system.log
ExtendedLog {self.work}/commands.log ALL
"""
            + ("" if self.passive is None else self._passive_settings(self.passive))
            + ("" if self.tls is None else self._tls_settings(self.tls))
        )
        return [self.binary, "--nodaemon", "--config", configuration]

    def _passive_settings(self, passive: Passive) -> str:
        ports = f"PassivePorts {passive.ports[0]} {passive.ports[-1]}\n"
        return ports + f"MasqueradeAddress {passive.announced}\n"

    def _tls_settings(self, tls: ServerTls) -> str:
        versions = f"TLSv{tls.version}" if tls.version else "TLSv1.2 TLSv1.3"
        required = {"": "off", "login": "auth", "data": "on"}[tls.required]
        # It has one directive for each kind of key.
        kind = "EC" if _is_ecdsa(tls.identity) else "RSA"
        options = [
            *(["UseImplicitSSL"] if tls.implicit else []),
            *([] if tls.reuse_required else ["NoSessionReuseRequired"]),
        ]
        lines = [
            "LoadModule mod_tls.c",
            "TLSEngine on",
            f"TLSLog {self.work}/tls.log",
            f"TLSProtocol {versions}",
            f"TLS{kind}CertificateFile {tls.identity.certificate}",
            f"TLS{kind}CertificateKeyFile {tls.identity.key}",
            f"TLSRequired {required}",
            f"TLSVerifyClient {'on' if tls.client_ca else 'off'}",
        ]
        if options:
            lines.append(f"TLSOptions {' '.join(options)}")
        if tls.client_ca is not None:
            lines.append(f"TLSCACertificateFile {tls.client_ca}")
        return "".join(f"{line}\n" for line in lines)


class ProFtpdOfInetd(ProFtpd):
    """One process for each session, from the start. The standalone server sleeps 0.2 s after each
    session (its EINTR_RETRY_INTERVAL), most of the time of a short test."""

    def _command(self) -> list[str | Path]:
        binary, _, *rest = super()._command()
        configuration = self.work / "proftpd.conf"
        text = configuration.read_text()
        configuration.write_text(text.replace("ServerType standalone", "ServerType inetd"))
        inetd = [sys.executable, HERE / "inetd_main.py", self.address, str(self.port)]
        return [*inetd, binary, *rest]


def _is_ecdsa(identity: Identity) -> bool:
    key = subprocess.run(
        ["openssl", "pkey", "-noout", "-text", "-in", identity.key],
        check=True,
        capture_output=True,
        text=True,
        timeout=waiting.PATIENCE,
    )
    return "ASN1 OID" in key.stdout


class PureFtpd(Server):
    kind = "pure-ftpd"

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.transfers = self.work / "transfers.log"

    def _command(self) -> list[str | Path]:
        # In the format of `pure-pw useradd`, which takes seconds to hash a password.
        text, database = self.work / "users", self.work / "users.pdb"
        tail = f"{OWNER}:{OWNER}::{self.root}/./::::::::::::"
        lines = (f"{each.name}:{crypt.crypt(each.password)}:{tail}\n" for each in self.accounts)
        text.write_text("".join(lines))
        pure_pw = UNPACKED / "pure-ftpd/usr/bin/pure-pw"
        subprocess.run(
            [pure_pw, "mkdb", database, "-f", text],
            check=True,
            capture_output=True,
            timeout=waiting.PATIENCE,
        )
        limits = ["-c", "3000", "-C", "3000", "-I", "15", "-m", "1000"]
        return [
            self.binary,
            *("-S", f"{self.address},{self.port}"),
            *("-l", f"puredb:{database}"),
            *("-U", "000:000", "-u", "1000", "-A", "-E", "-H"),
            *limits,
            *("-g", self.work / "pid", "-O", f"clf:{self.transfers}"),
            *([] if self.tls is None else self._tls_options(self.tls)),
        ]

    def _tls_options(self, tls: ServerTls) -> list[str | Path]:
        if tls.implicit:
            raise NotImplementedError("Pure-FTPd 1.0.50 has no implicit TLS")
        level = {"": "1", "login": "2", "data": "3"}[tls.required]
        return ["-Y", level, "-2", tls.identity.both]


class PyFtpd(Server):
    """pyftpdlib. It writes its events to `events`, one line each: "login tester",
    "left tester", "data tester" (a data connection is there), "received /path",
    "received-part /path", "sent /path", "sent-part /path"; and "killed"."""

    kind = "pyftpdlib"

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.events = self.work / "events"
        self.events.touch()

    def _command(self) -> list[str | Path]:
        accounts = [f"{each.name}:{each.password}" for each in self.accounts]
        protection = "none"
        if self.tls is not None:
            protection = "implicit" if self.tls.implicit else self.tls.required or "optional"
        passive = "-"
        if self.passive is not None:
            ports = self.passive.ports
            passive = f"{ports[0]}-{ports[-1]},{self.passive.announced}"
        return [
            *(sys.executable, HERE / "pyftpd_main.py", self.address, str(self.port)),
            *(protection, self.tls.identity.both if self.tls is not None else "-", passive),
            *(self.root, self.events, *accounts),
        ]

    def kill(self) -> None:
        if not self.is_down:
            super().kill()
            with self.events.open("a") as events:
                events.write("killed\n")

    def heard(self) -> list[str]:
        """All events, in order."""
        return self.events.read_text().splitlines()

    def count(self, event: str) -> int:
        return self.heard().count(event)


class InetutilsFtpd(Server):
    kind = "inetutils-ftpd"

    @property
    def binary(self) -> Path:
        return UNPACKED / "inetutils-ftpd/usr/sbin/ftpd"

    def _command(self) -> list[str | Path]:
        accounts = _SystemAccounts(self.work, self.accounts, self.root).command()
        return [
            *accounts,
            *(sys.executable, HERE / "inetd_main.py", self.address, str(self.port)),
            *(self.binary, "--auth=default", "--umask=000"),
        ]


MATRIX: tuple[type[Server], ...] = (Vsftpd, ProFtpd, PureFtpd, PyFtpd)


def version(server: type[Server]) -> str:
    """The version of the package or module."""
    if server is PyFtpd:
        import pyftpdlib

        return str(pyftpdlib.__ver__)
    changelogs = UNPACKED / server.kind / "usr/share/doc"
    for changelog in sorted(changelogs.glob("*/changelog.Debian.gz")):
        with contextlib.suppress(OSError), gzip.open(changelog, "rt") as text:
            found = re.match(r"\S+ \(([^)]+)\)", text.readline())
            if found:
                return found[1]
    return "?"
