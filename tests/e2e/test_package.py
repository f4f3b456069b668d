# SPDX-License-Identifier: Apache-2.0
"""The Debian package, in a bare Debian 12 that systemd has booted: installed, upgraded under load,
removed and purged, as docs/installing.md says."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT
from debian import DebianMachine, Package, make_packages, output
from ports import free_ports
from sanitizers import SANITIZER
from servers import REPOSITORY, PyFtpd
from wire import Wire, read_all

pytestmark = [
    pytest.mark.skipif(DIRECT, reason="the balancer's own"),
    pytest.mark.skipif(SANITIZER != "", reason="the sandbox forbids what a sanitizer does"),
]

CONTENT = b"content" * 3_000_000
SOURCE = "/root/source"
CONFIGURATION = "/etc/ballast/ballast.toml"


def _page_commands() -> list[str]:
    """Of docs/installing.md."""
    page = (REPOSITORY / "docs/installing.md").read_text()
    return re.findall(r"^```sh\n# checked, on Debian\n(.*?)^```", page, re.M | re.S)


INSTALL, START, UPGRADE = _page_commands()


class Host:
    """The machine, and what an administrator does there."""

    def __init__(self, machine: DebianMachine, server: PyFtpd) -> None:
        self.machine = machine
        passive = free_ports(20)
        self._server = server
        self._passive = f"{passive}-{passive + 19}"

    def run(self, *words: str, status: int | None = 0) -> str:
        return self.machine.run(*words, status=status)

    def follow_page(self, commands: str) -> str:
        """Nobody is there to answer questions: an edited file is kept."""
        script = f"export DEBIAN_FRONTEND=noninteractive\ncd {SOURCE}\n{commands}"
        return self.run("sh", "-euc", script)

    def has(self, package: Package) -> None:
        """This package is the one in the source directory."""
        folder = self.machine.path(f"{SOURCE}/build/package")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(package.file, folder / f"ballast_{package.field('Version')}_amd64.deb")

    def install(self, package: Package) -> str:
        self.has(package)
        return self.follow_page(INSTALL)

    def upgrade(self, package: Package) -> str:
        self.has(package)
        return self.follow_page(UPGRADE)

    def path(self, inside: str) -> Path:
        return self.machine.path(inside)

    def configure(self, more: str = "", shutdown_timeout: str = "30s") -> None:
        self.path(CONFIGURATION).write_text(
            f"""
shutdown_timeout = "{shutdown_timeout}"

[admin]
state_file = "/var/lib/ballast/state.json"

# The clients of these tests come from one address, as quickly as they can.
[limits]
session_rate_per_address = 0

[listener.ftp]
bind = ["0.0.0.0:21"]
passive_ports = "{self._passive}"
pool = "files"

[[pool.files.backend]]
name = "one"
address = "{self._server.endpoint}"
{more}
"""
        )

    def shows(self, name: str) -> str:
        return self.run("systemctl", "show", "--property", name, "--value", "ballast").strip()

    @property
    def pid(self) -> int:
        return int(self.shows("MainPID"))

    def connect(self) -> Wire:
        return Wire(("127.0.0.1", 21))

    def purge(self) -> None:
        # A test that has failed may have left a transfer, for which a stop would wait.
        self.run("systemctl", "kill", "--signal", "KILL", "ballast", status=None)
        self.run("dpkg", "--purge", "ballast")
        for folder in ("/etc/ballast", "/etc/systemd/system/multi-user.target.wants"):
            shutil.rmtree(self.path(folder), ignore_errors=True)


@pytest.fixture(scope="module")
def packages(module_work: Path) -> dict[str, Package]:
    return make_packages(module_work / "packages")


@pytest.fixture(scope="module")
def package(packages: dict[str, Package]) -> Package:
    return packages["ballast"]


@pytest.fixture(scope="module")
def next_package(package: Package, module_work: Path) -> Package:
    return package.next_one(module_work)


@pytest.fixture(scope="module")
def server(module_work: Path) -> Iterator[PyFtpd]:
    with PyFtpd(module_work, module_work / "files", "127.0.0.137") as server:
        (server.root / "big").write_bytes(CONTENT)
        (server.root / "name").write_text("one")
        yield server


@pytest.fixture(scope="module")
def machine(module_work: Path) -> Iterator[DebianMachine]:
    with DebianMachine(module_work) as machine:
        # dpkg would ask.
        machine.path("/etc/dpkg/dpkg.cfg.d/test").write_text("force-confdef\nforce-confold\n")
        yield machine


@pytest.fixture
def bare(machine: DebianMachine, server: PyFtpd) -> Iterator[Host]:
    """Without the package."""
    host = Host(machine, server)
    yield host
    host.purge()


@pytest.fixture
def installed(bare: Host, package: Package) -> Host:
    bare.install(package)
    return bare


@pytest.fixture
def it(installed: Host) -> Host:
    """It serves."""
    installed.configure()
    installed.follow_page(START)
    return installed


class Newcomers:
    """Clients that come one after the other, each served to the end, until `served` is asked."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._enough = threading.Event()
        self._served = 0
        self._trouble: list[Exception] = []
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()

    def _come(self) -> None:
        try:
            while not self._enough.is_set():
                with self._host.connect().log_in() as wire:
                    _download(wire)
                    wire.expect("QUIT", 221)
                self._served += 1
        except Exception as trouble:
            self._trouble.append(trouble)

    def served(self) -> int:
        self._enough.set()
        self._thread.join(waiting.PATIENCE)
        assert not self._trouble, self._trouble
        return self._served


def _download(wire: Wire) -> None:
    data = wire.passive()
    wire.expect("RETR name", 150, 125)
    assert read_all(data) == b"one"
    assert wire.reply().code == 226


def test_lintian_finds_nothing(packages: dict[str, Package]) -> None:
    changes = list(packages["ballast"].file.parent.glob("*.changes"))
    said = output("lintian", "--fail-on=error,warning", *changes)
    assert not said, said


def test_everything_has_one_version(package: Package) -> None:
    cmake = (REPOSITORY / "CMakeLists.txt").read_text()
    version = re.search(r"project\(ballast VERSION (\S+)", cmake)
    assert version
    assert package.field("Version") == f"{version[1]}-1"
    for words in (["version"], ["--version"]):
        assert output(BINARY, *words).split()[:2] == ["ballast", version[1]]
    for page in ("ballast.8", "ballast.toml.5"):
        assert f"Ballast {version[1]}" in (REPOSITORY / "packaging/man" / page).read_text()


def test_it_holds_what_a_service_needs(package: Package, work: Path) -> None:
    for path in (
        "/usr/bin/ballast",
        "/etc/ballast/ballast.toml",
        "/etc/logrotate.d/ballast",
        "/etc/apparmor.d/ballast",
        "/lib/systemd/system/ballast.service",
        "/lib/systemd/system/ballast.socket",
        "/usr/lib/sysusers.d/ballast.conf",
        "/usr/share/bash-completion/completions/ballast",
        "/usr/share/zsh/vendor-completions/_ballast",
        "/usr/share/fish/vendor_completions.d/ballast.fish",
        "/usr/share/man/man5/ballast.toml.5.gz",
        "/usr/share/man/man8/ballast.8.gz",
        "/usr/share/doc/ballast/changelog.Debian.gz",
        "/usr/share/doc/ballast/changelog.gz",
        "/usr/share/doc/ballast/copyright",
        "/usr/share/doc/ballast/installing.md",
        "/usr/share/doc/ballast/operating.md",
        "/usr/share/doc/ballast/examples/alfresco.toml",
        "/usr/share/doc/ballast/examples/prometheus/ballast.rules.yml",
        "/usr/share/doc/ballast/examples/grafana/ballast.json",
        "/usr/share/doc/ballast/examples/keepalived/unicast.conf",
    ):
        assert path in package.files, path
    conffiles = (package.unpacked(work / "root") / "DEBIAN/conffiles").read_text().split()
    assert sorted(conffiles) == [
        "/etc/apparmor.d/ballast",
        "/etc/ballast/ballast.toml",
        "/etc/logrotate.d/ballast",
    ]
    # Nothing is set-user-id, and nobody but root may write.
    assert all(re.fullmatch(r"[dl-]rw[x-]r.[x-]r.[x-]|l.*", mode) for mode in package.files.values())


def test_the_debug_information_is_in_a_package_of_its_own(
    packages: dict[str, Package], work: Path
) -> None:
    program = packages["ballast"].unpacked(work / "root") / "usr/bin/ballast"
    assert ".debug_info" not in output("readelf", "--sections", program)
    found = re.search(r"Build ID: ([0-9a-f]{2})([0-9a-f]+)", output("readelf", "--notes", program))
    assert found
    debug = f"/usr/lib/debug/.build-id/{found[1]}/{found[2]}.debug"
    assert debug in packages["ballast-dbgsym"].files
    # No path of the machine that has built it.
    assert str(REPOSITORY).encode() not in program.read_bytes()


def test_a_new_installation_waits_for_its_administrator(bare: Host, package: Package) -> None:
    said = bare.install(package)
    assert "Ballast does not run yet" in said, said
    assert bare.shows("ActiveState") == "inactive"
    for unit in ("ballast.service", "ballast.socket"):
        assert bare.run("systemctl", "is-enabled", unit, status=1).strip() == "disabled"
    assert bare.run("getent", "passwd", "ballast").strip().endswith(":/usr/sbin/nologin")
    for path, owner in (
        ("/etc/ballast", "750 root ballast"),
        (CONFIGURATION, "640 root ballast"),
        ("/var/lib/ballast", "750 ballast ballast"),
        ("/var/log/ballast", "750 ballast ballast"),
    ):
        assert bare.run("stat", "--format=%a %U %G", path).strip() == owner, path


def test_the_installed_configuration_works(installed: Host) -> None:
    installed.follow_page(START)
    with installed.connect() as wire:
        wire.greeting()
    assert installed.shows("ActiveState") == "active"
    assert installed.run("systemctl", "is-enabled", "ballast").strip() == "enabled"


def test_the_units_and_the_profile_are_sound(installed: Host) -> None:
    units = [f"/lib/systemd/system/ballast.{each}" for each in ("service", "socket")]
    assert installed.run("systemd-analyze", "verify", "--man=no", *units) == ""
    profile = "/etc/apparmor.d/ballast"
    parser = ("apparmor_parser", "--skip-kernel-load", "--skip-cache")
    assert "error" not in installed.run(*parser, profile).lower()
    # The parser does find mistakes.
    text = installed.path(profile).read_text()
    installed.path("/root/profile").write_text(text.replace("mrix,", "mrixo,", 1))
    assert "error" in installed.run(*parser, "/root/profile", status=1).lower()


def test_files_move_through_it(it: Host, server: PyFtpd) -> None:
    with it.connect().log_in() as wire:
        _download(wire)
        with wire.passive() as data:
            wire.expect("STOR uploaded", 150, 125)
            data.sendall(b"new")
        assert wire.reply().code == 226
    assert (server.root / "uploaded").read_bytes() == b"new"
    # The commands find it, as root.
    assert "takes new clients" in it.run("ballast", "status")
    # It has the page. The machine has no curl.
    ask = r"""$s = IO::Socket::UNIX->new("/run/ballast/admin.sock") or die $!;
        print $s "HEAD /page.js HTTP/1.0\r\n\r\n"; print <$s>"""
    answer = it.run("perl", "-MIO::Socket::UNIX", "-e", ask)
    assert answer.startswith("HTTP/1.1 200 OK") and "Content-Encoding: gzip" in answer, answer


def test_an_upgrade_loses_no_session_and_no_transfer(
    it: Host, next_package: Package, server: PyFtpd
) -> None:
    before = it.pid
    started = it.shows("ActiveEnterTimestampMonotonic")
    sessions = [it.connect().log_in() for _ in range(20)]
    downloading, uploading, *idle = sessions
    down = downloading.passive(receive_buffer=4096)
    downloading.expect("RETR big", 150, 125)
    up = uploading.passive()
    uploading.expect("STOR during", 150, 125)
    up.sendall(b"before, ")

    newcomers = Newcomers(it)
    it.upgrade(next_package)
    # Each of them was served, by the one process or the other.
    assert newcomers.served() > 0

    after = waiting.until("the main process is another", lambda: it.pid - before and it.pid)
    # It runs the installed file.
    assert it.path(f"/proc/{after}/exe").samefile(it.path("/usr/bin/ballast"))
    with it.connect().log_in() as wire:
        _download(wire)
    up.sendall(b"after")
    up.close()
    assert uploading.reply().code == 226
    assert (server.root / "during").read_bytes() == b"before, after"
    assert read_all(down) == CONTENT
    assert downloading.reply().code == 226
    for wire in idle:
        _download(wire)
    for wire in sessions:
        wire.expect("QUIT", 221)
        wire.close()
    waiting.until("the former has ended", lambda: not it.path(f"/proc/{before}").exists())
    # It was never restarted.
    assert it.shows("ActiveEnterTimestampMonotonic") == started
    assert it.shows("NRestarts") == "0"


def test_an_upgrade_that_finds_an_error_goes_on_with_the_old_program(
    it: Host, next_package: Package
) -> None:
    before = it.pid
    it.configure(shutdown_timeout="soon")
    with it.connect().log_in() as wire:
        said = it.upgrade(next_package)
        assert "goes on with the old program" in said, said
        _download(wire)
        assert it.pid == before
        assert "+next" in it.run("dpkg-query", "--show", "ballast")
        # As the message says.
        it.configure()
        it.run("systemctl", "reload", "ballast")
        waiting.until("the main process is another", lambda: it.pid != before)
        _download(wire)


def test_an_upgrade_does_not_start_what_is_not_enabled(
    installed: Host, next_package: Package
) -> None:
    installed.upgrade(next_package)
    assert installed.shows("ActiveState") == "inactive"
    # Its owner keeps what it has.
    assert installed.run("stat", "--format=%U %G", "/etc/ballast").strip() == "root ballast"


def test_an_upgrade_starts_what_is_enabled(it: Host, next_package: Package) -> None:
    it.run("systemctl", "stop", "ballast")
    it.upgrade(next_package)
    assert it.shows("ActiveState") == "active"


def test_an_edited_configuration_is_kept(installed: Host, next_package: Package) -> None:
    configuration = installed.path(CONFIGURATION)
    configuration.write_text(edited := configuration.read_text() + "# Mine.\n")
    configuration.chmod(0o600)
    installed.upgrade(next_package)
    assert configuration.read_text() == edited
    assert installed.run("stat", "--format=%a %U %G", CONFIGURATION).strip() == "600 root ballast"


def test_an_untouched_configuration_is_replaced(installed: Host, next_package: Package) -> None:
    installed.upgrade(next_package)
    assert installed.path(CONFIGURATION).read_text().endswith("# Of the next version.\n")
    assert installed.run("stat", "--format=%a %U %G", CONFIGURATION).strip() == "640 root ballast"


def test_logs_are_rotated(installed: Host) -> None:
    log = "/var/log/ballast/ballast.log"
    xferlog = "/var/log/ballast/xferlog"
    installed.configure(f'[log]\nfile = "{log}"\n[transfer_log]\nxferlog = "{xferlog}"\n')
    installed.follow_page(START)
    with installed.connect().log_in() as wire:
        _download(wire)
        waiting.until("its line", lambda: installed.path(xferlog).read_text())
        said = installed.run("logrotate", "--force", "/etc/logrotate.d/ballast")
        assert "error" not in said and "open again" not in said, said
        assert " name " in installed.path(f"{xferlog}.1").read_text()
        assert "logged in" in installed.path(f"{log}.1").read_text()
        # postrotate has waited for `ballast reopen`.
        assert installed.path(xferlog).read_text() == ""
        _download(wire)
        waiting.until("the next line", lambda: " name " in installed.path(xferlog).read_text())
    assert installed.run("stat", "--format=%U %G", log).strip() == "ballast ballast"


def test_removal_stops_it_and_keeps_what_was_configured(it: Host) -> None:
    with it.connect().log_in() as wire:
        _download(wire)
        it.run("apt-get", "remove", "--yes", "ballast")
    with pytest.raises(ConnectionRefusedError):
        it.connect()
    assert not it.path("/usr/bin/ballast").exists()
    assert it.path(CONFIGURATION).exists() and it.path("/var/lib/ballast").exists()


def test_purging_removes_what_it_has_written_and_nothing_else(it: Host) -> None:
    for own in ("/etc/ballast/tls/ftp.key", "/srv/ballast/xferlog"):
        it.path(own).parent.mkdir(parents=True)
        it.path(own).write_text("mine")
    it.run("ballast", "drain", "files/one")
    it.run("apt-get", "purge", "--yes", "ballast")
    for folder in ("/var/lib/ballast", "/var/log/ballast", "/run/ballast"):
        assert not it.path(folder).exists(), folder
    for path in (CONFIGURATION, "/etc/logrotate.d/ballast", "/etc/apparmor.d/local/ballast"):
        assert not it.path(path).exists(), path
    wanted = it.path("/etc/systemd/system/multi-user.target.wants/ballast.service")
    assert not wanted.is_symlink()
    for own in ("/etc/ballast/tls/ftp.key", "/srv/ballast/xferlog"):
        assert it.path(own).read_text() == "mine"
    assert it.run("getent", "passwd", "ballast")
