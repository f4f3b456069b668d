# SPDX-License-Identifier: Apache-2.0
"""Real FTP clients, each a separate program, driven through one set of verbs.

Every run has a timeout, leaves its dialog behind, and raises `ClientError` if the program reports a
failure.
"""

import json
import os
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from process import DIES_WITH_US
from servers import TESTER, Account, endpoint

RUN_SECONDS = 60.0
HERE = Path(__file__).resolve().parent


class ClientError(Exception):
    """The client reported a failure."""


class Mode(Enum):
    """How the client asks for a data connection; the value is its verb."""

    PASV = "PASV"
    EPSV = "EPSV"
    PORT = "PORT"
    EPRT = "EPRT"

    @property
    def passive(self) -> bool:
        return self in (Mode.PASV, Mode.EPSV)


@dataclass(frozen=True)
class ClientTls:
    """How a client speaks TLS. It always verifies the other side."""

    ca: Path
    implicit: bool = False
    # PROT P, else PROT C.
    data: bool = True
    # "1.2" or "1.3": this version alone.
    version: str = ""
    # Return to clear text after the login.
    ccc: bool = False
    # The client's certificate and key in one file.
    certificate: Path | None = None


@dataclass(frozen=True)
class Target:
    """The address that a client connects to, its account, and its TLS."""

    address: str
    port: int
    account: Account = TESTER
    tls: ClientTls | None = None

    @property
    def endpoint(self) -> str:
        return endpoint(self.address, self.port)

    @property
    def ipv6(self) -> bool:
        return ":" in self.address


class Client(ABC):
    name: ClassVar[str]
    modes_ipv4: ClassVar[tuple[Mode, ...]] = tuple(Mode)
    modes_ipv6: ClassVar[tuple[Mode, ...]] = (Mode.EPSV, Mode.EPRT)
    modes_loopback_ipv6: ClassVar[tuple[Mode, ...]] = modes_ipv6
    # The FTPS features that it has.
    modes_tls: ClassVar[tuple[Mode, ...]] = tuple(Mode)
    can_ccc: ClassVar[bool] = False
    # Whether it can do more than download.
    writes: ClassVar[bool] = True

    def __init__(
        self, target: Target, mode: Mode, work: Path, *, prefix: Sequence[str] = (), rate: int = 0
    ) -> None:
        """`prefix` is a command that runs the client, such as `ip netns exec NAME`; `rate` is in
        bytes per second; 0 is no limit."""
        self.target = target
        self.mode = mode
        self.rate = rate
        self._work = work
        self._prefix = tuple(prefix)
        self.dialog = ""

    @abstractmethod
    def upload_command(self, local: Path, remote: str) -> list[str]: ...

    @abstractmethod
    def download_command(self, remote: str, local: Path) -> list[str]: ...

    @abstractmethod
    def listing(self, directory: str = "") -> str: ...

    @abstractmethod
    def rename(self, old: str, new: str) -> None: ...

    @abstractmethod
    def delete(self, remote: str) -> None: ...

    @abstractmethod
    def resume_download(self, remote: str, local: Path) -> None:
        """Downloads the part that `local` lacks."""

    @abstractmethod
    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        """Uploads the part that `remote` lacks; it has the first `present` bytes."""

    def upload(self, local: Path, remote: str) -> None:
        self._run(self.upload_command(local, remote))

    def download(self, remote: str, local: Path) -> None:
        self._run(self.download_command(remote, local))

    def run(self, command: Sequence[str]) -> str:
        """Its standard output."""
        return self._run(command)

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Runs it beside the test. The test must end it."""
        return subprocess.Popen(
            [*DIES_WITH_US, *self._prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def _run(self, command: Sequence[str], script: str | None = None) -> str:
        """Its standard output."""
        try:
            done = subprocess.run(
                [*DIES_WITH_US, *self._prefix, *command],
                input=script if script is not None else "",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = b"".join(part or b"" for part in (late.stdout, late.stderr))
            raise ClientError(f"{self.name} hung:\n{said.decode(errors='replace')}") from late
        self.dialog = done.stdout + done.stderr
        if done.returncode != 0 or self._failed(self.dialog):
            raise ClientError(f"{self.name} ended with {done.returncode}:\n{self.dialog}")
        return done.stdout

    def _failed(self, dialog: str) -> bool:
        return False

    def modes_seen(self) -> set[Mode]:
        """The verbs with which the last run asked for data connections."""
        verbs = re.findall(self._sent + r"(PASV|EPSV|PORT|EPRT)\b", self.dialog, re.MULTILINE)
        return {Mode(verb) for verb in verbs}

    # The text before a command in the dialog.
    _sent: ClassVar[str]


class Curl(Client):
    name = "curl"
    # In active mode it never reaches TLS on the data connection.
    modes_tls = (Mode.PASV, Mode.EPSV)
    can_ccc = True
    _sent = r"^> "

    def _common(self) -> list[str]:
        mode = {
            Mode.PASV: ["--ftp-pasv", "--disable-epsv"],
            Mode.EPSV: ["--ftp-pasv"],
            Mode.PORT: ["--ftp-port", "-", "--disable-eprt"],
            Mode.EPRT: ["--ftp-port", "-"],
        }[self.mode]
        rate = ["--limit-rate", str(self.rate)] if self.rate else []
        account = self.target.account
        user = ["--user", f"{account.name}:{account.password}"]
        program = ["curl", "-v", "--no-progress-meter", "--globoff"]
        return [*program, *mode, *rate, *user, *self._protection()]

    def _protection(self) -> list[str]:
        tls = self.target.tls
        if tls is None:
            return []
        options = ["--cacert", str(tls.ca), "--ssl-reqd" if tls.data else "--ftp-ssl-control"]
        if tls.ccc:
            options += ["--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", self.ccc_mode]
        if tls.version:
            options += [f"--tlsv{tls.version}", "--tls-max", tls.version]
        if tls.certificate is not None:
            options += ["--cert", str(tls.certificate)]
        return options

    # Which side sends close_notify first: curl ("active") or the server ("passive").
    ccc_mode = "passive"

    def _url(self, remote: str) -> str:
        implicit = self.target.tls is not None and self.target.tls.implicit
        return f"{'ftps' if implicit else 'ftp'}://{self.target.endpoint}/{remote}"

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return [*self._common(), "--upload-file", str(local), self._url(remote)]

    def download_command(self, remote: str, local: Path) -> list[str]:
        return [*self._common(), "--output", str(local), self._url(remote)]

    def listing(self, directory: str = "") -> str:
        return self._run([*self._common(), self._url(directory + "/" if directory else "")])

    def _quote(self, *commands: str) -> None:
        quotes = [part for command in commands for part in ("--quote", command)]
        self._run([*self._common(), "--head", *quotes, self._url("")])

    def rename(self, old: str, new: str) -> None:
        self._quote(f"RNFR {old}", f"RNTO {new}")

    def delete(self, remote: str) -> None:
        self._quote(f"DELE {remote}")

    def resume_download(self, remote: str, local: Path) -> None:
        resumed = ["--continue-at", "-", "--output", str(local)]
        self._run([*self._common(), *resumed, self._url(remote)])

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By APPE.
        resumed = ["--continue-at", str(present), "--upload-file", str(local)]
        self._run([*self._common(), *resumed, self._url(remote)])


class CurlActiveCcc(Curl):
    name = "curl-active-ccc"
    ccc_mode = "active"


class Lftp(Client):
    name = "lftp"
    # No EPRT over IPv4. From ::1 it announces "EPRT |2|::|port|", an invalid address that most
    # servers refuse; from other addresses it announces its own.
    modes_ipv4 = (Mode.PASV, Mode.EPSV, Mode.PORT)
    modes_loopback_ipv6 = (Mode.EPSV,)
    _sent = r"^---> "

    def _command(self, *commands: str) -> list[str]:
        account = self.target.account
        settings = {
            "cmd:fail-exit": "yes",
            "net:max-retries": 1,
            "net:persist-retries": 0,
            "net:reconnect-interval-base": 1,
            "net:timeout": 20,
            "net:limit-rate": self.rate,
            **self._protection(),
            "ftp:passive-mode": "yes" if self.mode.passive else "no",
            "ftp:prefer-epsv": "yes" if self.mode is Mode.EPSV else "no",
            "xfer:clobber": "yes",
            "dns:order": "inet6 inet" if self.target.ipv6 else "inet",
        }
        host = f"[{self.target.address}]" if self.target.ipv6 else self.target.address
        implicit = self.target.tls is not None and self.target.tls.implicit
        scheme = "ftps" if implicit else "ftp"
        script = [
            "debug 5",
            *(f"set {key} {value}" for key, value in settings.items()),
            f"open -u {account.name},{account.password} -p {self.target.port} {scheme}://{host}",
            *commands,
        ]
        # No file of the user's own.
        return ["env", f"HOME={self._work}", "lftp", "--norc", "-c", "; ".join(script)]

    def _protection(self) -> dict[str, str]:
        tls = self.target.tls
        if tls is None:
            return {"ftp:ssl-allow": "no"}
        protect = "yes" if tls.data else "no"
        settings = {
            "ftp:ssl-allow": "yes",
            "ftp:ssl-force": "yes",
            "ftp:ssl-protect-data": protect,
            "ftp:ssl-protect-list": protect,
            "ssl:ca-file": str(tls.ca),
            "ssl:verify-certificate": "yes",
            "ssl:check-hostname": "yes",
        }
        if tls.version:
            settings["ssl:priority"] = f"NORMAL:-VERS-ALL:+VERS-TLS{tls.version}"
        if tls.certificate is not None:
            settings["ssl:cert-file"] = settings["ssl:key-file"] = str(tls.certificate)
        return settings

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return self._command(f"put {local} -o {remote}")

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._command(f"get {remote} -o {local}")

    def mirror_command(self, remote: str, local: Path, *, at_once: int) -> list[str]:
        return self._command(f"mirror --parallel={at_once} {remote} {local}")

    def listing(self, directory: str = "") -> str:
        return self._run(self._command(f"ls {directory}"))

    def rename(self, old: str, new: str) -> None:
        self._run(self._command(f"mv {old} {new}"))

    def delete(self, remote: str) -> None:
        self._run(self._command(f"rm {remote}"))

    def resume_download(self, remote: str, local: Path) -> None:
        self._run(self._command(f"get -c {remote} -o {local}"))

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By SIZE, REST and STOR.
        self._run(self._command(f"put -c {local} -o {remote}"))


class Ftplib(Client):
    """Python's ftplib, as a separate program."""

    name = "ftplib"
    can_ccc = True
    resumes: ClassVar[bool] = False
    _sent = r"^> "

    def _command(self, *words: str) -> list[str]:
        account = self.target.account
        target = [self.target.address, str(self.target.port), account.name, account.password]
        program = [sys.executable, str(HERE / "ftplib_main.py")]
        how = [self.mode.value, str(self.rate), self._protection()]
        return [*program, *target, *how, *words]

    def _protection(self) -> str:
        tls = self.target.tls
        if tls is None:
            return "{}"
        return json.dumps({**asdict(tls), "resumes": self.resumes}, default=str)

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return self._command("upload", str(local), remote)

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._command("download", remote, str(local))

    def listing(self, directory: str = "") -> str:
        return self._run(self._command("list", directory))

    def rename(self, old: str, new: str) -> None:
        self._run(self._command("rename", old, new))

    def delete(self, remote: str) -> None:
        self._run(self._command("delete", remote))

    def resume_download(self, remote: str, local: Path) -> None:
        self._run(self._command("resume-download", remote, str(local)))

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By REST and STOR.
        self._run(self._command("resume-upload", str(local), remote, str(present)))


class FtplibResuming(Ftplib):
    """A subclass of FTP_TLS that offers the control connection's session on data connections, as
    many programs have one."""

    name = "ftplib-resuming"
    # The control connection no longer has a session.
    can_ccc = False
    resumes = True


class Tnftp(Client):
    """In a script its exit status says nothing, so the dialog decides."""

    name = "tnftp"
    modes_tls = ()
    _sent = r"^---> "

    def _script(self, *commands: str) -> str:
        account = self.target.account
        extended = "on" if self.mode in (Mode.EPSV, Mode.EPRT) else "off"
        script = [
            # Shows the verbs in the dialog.
            "debug",
            f"epsv4 {extended}",
            f"epsv6 {extended}",
            f"passive {'on' if self.mode.passive else 'off'}",
            f"open {self.target.address} {self.target.port}",
            f"user {account.name} {account.password}",
            "binary",
            *([f"rate get {self.rate}"] if self.rate else []),
            *commands,
            "bye",
        ]
        return "\n".join(script) + "\n"

    def _talk(self, *commands: str) -> str:
        program = ["env", f"HOME={self._work}", "tnftp", "-n", "-v", "-p"]
        return self._run(program, self._script(*commands))

    def _failed(self, dialog: str) -> bool:
        # Its own refusals, such as "Not connected.", have no code.
        own = r"^(Not connected|\?|tnftp: |ftp: |usage: )"
        return bool(re.search(rf"^[45]\d\d[ -]|{own}", dialog, re.MULTILINE))

    def upload_command(self, local: Path, remote: str) -> list[str]:
        raise NotImplementedError("runs from a script")

    def download_command(self, remote: str, local: Path) -> list[str]:
        raise NotImplementedError("runs from a script")

    def upload(self, local: Path, remote: str) -> None:
        self._talk(f"put {local} {remote}")

    def download(self, remote: str, local: Path) -> None:
        self._talk(f"get {remote} {local}")

    def listing(self, directory: str = "") -> str:
        return self._talk(f"dir {directory}".strip())

    def rename(self, old: str, new: str) -> None:
        self._talk(f"rename {old} {new}")

    def delete(self, remote: str) -> None:
        self._talk(f"delete {remote}")

    def resume_download(self, remote: str, local: Path) -> None:
        self._talk(f"reget {remote} {local}")

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By REST and STOR.
        self._talk(f"restart {present}", f"put {local} {remote}")


class Ncftp(Client):
    """ncftpget, ncftpput and ncftpls."""

    name = "ncftp"
    modes_ipv4 = (Mode.PASV, Mode.PORT)
    # It has no EPSV, no EPRT and no IPv6.
    modes_ipv6 = ()
    modes_loopback_ipv6 = ()
    modes_tls = ()
    _sent = r"Cmd: "

    def _command(self, program: str, *words: str) -> list[str]:
        account = self.target.account
        settings = [
            *("-u", account.name, "-p", account.password, "-P", str(self.target.port)),
            *("-F" if self.mode.passive else "-E", "-t", "20", "-r", "1", "-d", "/dev/stderr"),
        ]
        # No file of the user's own.
        return ["env", f"HOME={self._work}", program, *settings, *words]

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return self._command("ncftpput", "-V", "-C", self.target.address, str(local), remote)

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._command("ncftpget", "-V", "-Z", "-C", self.target.address, remote, str(local))

    @property
    def _root(self) -> str:
        return f"ftp://{self.target.address}/"

    def listing(self, directory: str = "") -> str:
        url = self._root + (directory + "/" if directory else "")
        return self._run(self._command("ncftpls", "-l", url))

    def columns(self) -> str:
        """Its default listing: NLST -CF."""
        return self._run(self._command("ncftpls", self._root))

    def _quote(self, *commands: str) -> None:
        quotes = [part for command in commands for part in ("-W", command)]
        # With the listing switched off it would report a failure.
        self._run(self._command("ncftpls", "-l", *quotes, self._root))
        # Its exit status does not show refusals of such commands.
        for command in commands:
            answer = re.search(rf"Cmd: {re.escape(command)}\n\S+ \S+ +(\d)", self.dialog)
            if answer is None or answer[1] not in "23":
                raise ClientError(f"{self.name} failed at {command}:\n{self.dialog}")

    def rename(self, old: str, new: str) -> None:
        self._quote(f"RNFR {old}", f"RNTO {new}")

    def delete(self, remote: str) -> None:
        self._quote(f"DELE {remote}")

    def resume_download(self, remote: str, local: Path) -> None:
        words = ["-V", "-z", "-C", self.target.address, remote, str(local)]
        self._run(self._command("ncftpget", *words))

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By SIZE, REST and STOR. It needs equal names on both sides, and with sendfile it would
        # send the whole file.
        directory = self._work / "resumed"
        directory.mkdir(exist_ok=True)
        same = directory / remote
        same.write_bytes(local.read_bytes())
        # It prefers the newer file.
        os.utime(same, (time.time() + 3600, time.time() + 3600))
        words = ["-V", "-s", "-z", self.target.address, ".", str(same)]
        self._run(self._command("ncftpput", *words))


class Wget(Client):
    """It only downloads."""

    name = "wget"
    modes_ipv4 = (Mode.PASV, Mode.PORT)
    modes_tls = ()
    writes = False
    _sent = r"^--> "

    def _command(self, *words: str) -> list[str]:
        account = self.target.account
        settings = [
            *(f"--user={account.name}", f"--password={account.password}"),
            *("--no-config", "--no-proxy", "--no-glob", "--tries=1", "--timeout=20", "--debug"),
            *([] if self.mode.passive else ["--no-passive-ftp"]),
            *([f"--limit-rate={self.rate}"] if self.rate else []),
        ]
        # No file of the user's own.
        return ["env", f"HOME={self._work}", "wget", *settings, *words]

    def _url(self, remote: str) -> str:
        return f"ftp://{self.target.endpoint}/{remote}"

    def upload_command(self, local: Path, remote: str) -> list[str]:
        raise NotImplementedError("it only fetches")

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._command("-O", str(local), self._url(remote))

    def listing(self, directory: str = "") -> str:
        # It makes its own page from the lines of LIST.
        url = self._url(directory + "/" if directory else "")
        return self._run(self._command("-P", str(self._work), "-O", "-", url))

    def rename(self, old: str, new: str) -> None:
        raise NotImplementedError("it only fetches")

    def delete(self, remote: str) -> None:
        raise NotImplementedError("it only fetches")

    def resume_download(self, remote: str, local: Path) -> None:
        self._run(self._command("-c", "-O", str(local), self._url(remote)))

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        raise NotImplementedError("it only fetches")


class NetFtp(Client):
    """Perl's Net::FTP, as a separate program."""

    name = "net-ftp"
    modes_tls = ()
    _sent = r">>> "

    def _command(self, *words: str) -> list[str]:
        account = self.target.account
        target = [self.target.address, str(self.target.port), account.name, account.password]
        return ["perl", str(HERE / "netftp_main.pl"), *target, self.mode.value, *words]

    def upload_command(self, local: Path, remote: str) -> list[str]:
        return self._command("upload", str(local), remote)

    def download_command(self, remote: str, local: Path) -> list[str]:
        return self._command("download", remote, str(local))

    def listing(self, directory: str = "") -> str:
        return self._run(self._command("list", *([directory] if directory else [])))

    def columns(self) -> str:
        """NLST with an option of ls."""
        return self._run(self._command("names", "-CF"))

    def rename(self, old: str, new: str) -> None:
        self._run(self._command("rename", old, new))

    def delete(self, remote: str) -> None:
        self._run(self._command("delete", remote))

    def resume_download(self, remote: str, local: Path) -> None:
        self._run(self._command("resume-download", remote, str(local)))

    def resume_upload(self, local: Path, remote: str, present: int) -> None:
        # By APPE.
        self._run(self._command("resume-upload", str(local), remote, str(present)))


ALL: tuple[type[Client], ...] = (Curl, Lftp, Ftplib, Tnftp, Ncftp, Wget, NetFtp)
# The clients that speak TLS.
ALL_TLS: tuple[type[Client], ...] = (Curl, Lftp, Ftplib, FtplibResuming)
