# SPDX-License-Identifier: Apache-2.0
"""Importing the configurations of other balancers."""

import json
import subprocess
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT, run_ballast

pytestmark = pytest.mark.skipif(DIRECT, reason="this is the balancer's own")

KEEPALIVED = """\
virtual_server 192.0.2.21 21 {
    lb_algo rr
    protocol TCP
    real_server 198.51.100.11 2121 {
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
"""
VRRP = """\
vrrp_instance ftp {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.21
    }
}
"""


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _piped(text: str | bytes, *words: str) -> subprocess.CompletedProcess[str]:
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(
        [str(BINARY), "import", *words],
        input=data,
        capture_output=True,
        timeout=waiting.PATIENCE,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_a_file_becomes_a_configuration_and_a_report(work: Path) -> None:
    file = _write(work / "keepalived.conf", KEEPALIVED)
    done = run_ballast("import", "keepalived", file)
    assert done.returncode == 0, done
    assert 'bind = ["192.0.2.21:21"]' in done.stdout
    assert f"{file}:2: mapped: lb_algo rr: balance" in done.stderr
    assert " directives: " in done.stderr.splitlines()[-1]
    assert "not supported" not in done.stderr


def test_the_report_has_a_form_for_programs(work: Path) -> None:
    file = _write(work / "keepalived.conf", KEEPALIVED)
    done = run_ballast("import", "keepalived", file, "--report", "json")
    report = json.loads(done.stderr)
    (entry,) = (each for each in report["entries"] if each["line"] == 2)
    assert entry == {
        "file": str(file),
        "line": 2,
        "directive": "lb_algo rr",
        "outcome": "mapped",
        "text": 'balance = "round-robin"',
    }
    assert report["summary"]["unsupported"] == 0
    assert sum(report["summary"].values()) == len(report["entries"])
    plain = run_ballast("import", "keepalived", file)
    assert plain.stdout == done.stdout and plain.stdout != ""


def test_what_is_not_supported_ends_with_2(work: Path) -> None:
    text = KEEPALIVED.replace("lb_algo rr", 'lb_algo rr\n    quorum_down "/bin/true"')
    done = _piped(text, "keepalived", "-")
    assert done.returncode == 2
    assert 'standard input:3: not supported: quorum_down "/bin/true"' in done.stderr
    assert "[listener.ftp]" in done.stdout


def test_a_configuration_that_check_would_refuse_is_reported() -> None:
    done = _piped("", "keepalived", "-")
    assert done.returncode == 2
    assert "standard input: not supported: the whole file: the configuration needs a" in done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_syntax_error_leaves_standard_output_empty(form: str, work: Path) -> None:
    file = _write(work / "keepalived.conf", KEEPALIVED + "virtual_server x {\n")
    done = run_ballast("import", "keepalived", file, "--report", form)
    assert done.returncode == 1 and done.stdout == ""
    if form == "text":
        assert f"{file}:10: the block of virtual_server is not closed (add }}" in done.stderr
    else:
        (error,) = json.loads(done.stderr)["errors"]
        assert error["line"] == 10 and error["fix"] == "add } where it ends"


def test_a_file_that_cannot_be_read_is_a_failure(work: Path) -> None:
    for file in (work / "none", work):
        done = run_ballast("import", "ipvsadm", file)
        assert done.returncode == 1 and done.stdout == ""
        assert str(file) in done.stderr
        done = run_ballast("import", "ipvsadm", file, "--report", "json")
        assert done.returncode == 1 and done.stdout == ""
        (error,) = json.loads(done.stderr)["errors"]
        assert error["file"] == str(file) and str(file) in error["what"]


def test_a_terminal_never_obeys_the_imported_file() -> None:
    done = _piped(b"\x1b[2Jx \xff\xc2\x9b\n\xe2\x80\xae y\n", "keepalived", "-")
    assert done.returncode == 2
    assert not any(ord(c) < 32 and c != "\n" or c in "\x7f\x9b\u202e" for c in done.stderr)
    done = _piped(b"\x1b[2Jx\n", "keepalived", "-", "--report", "json")
    assert "\x1b" not in done.stderr and json.loads(done.stderr)


def test_ipvsadm_is_read_from_its_output() -> None:
    done = _piped("-A -t 192.0.2.21:21 -s wrr\n-a -t 192.0.2.21:21 -r 10.0.0.1:21 -m -w 5\n", "ipvsadm", "-")
    assert done.returncode == 0, done
    assert "weight = 5" in done.stdout


def test_what_remains_for_keepalived_is_written_to_a_file_of_its_own(work: Path) -> None:
    file = _write(work / "keepalived.conf", KEEPALIVED + VRRP)
    remainder = work / "remains.conf"
    done = run_ballast("import", "keepalived", file, "--vrrp-out", remainder)
    assert done.returncode == 0, done
    text = remainder.read_text()
    assert "virtual_server" not in text and "vrrp_instance ftp {" in text
    assert remainder.stat().st_mode & 0o077 == 0
    assert "free_bind = true" in done.stdout

    before = file.read_text()
    link = work / "link"
    link.symlink_to(file)
    for out in (file, link, work, "/dev/null"):
        done = run_ballast("import", "keepalived", file, "--vrrp-out", out)
        assert done.returncode == 1 and done.stdout == ""
        assert "after --vrrp-out" in done.stderr
    assert file.read_text() == before


def test_nothing_remains_of_a_file_without_vrrp(work: Path) -> None:
    file = _write(work / "keepalived.conf", KEEPALIVED)
    done = run_ballast("import", "keepalived", file, "--vrrp-out", work / "remains.conf")
    assert done.returncode == 0
    assert "nothing is left for keepalived" in done.stderr
    assert not (work / "remains.conf").exists()


def test_an_included_file_is_never_replaced(work: Path) -> None:
    _write(work / "vrrp.conf", VRRP)
    file = _write(work / "keepalived.conf", "include vrrp.conf\n" + KEEPALIVED)
    done = run_ballast("import", "keepalived", file, "--vrrp-out", work / "vrrp.conf")
    assert done.returncode == 1 and "is one of the imported files" in done.stderr
    assert (work / "vrrp.conf").read_text() == VRRP


def test_lines_for_one_machine_are_chosen_by_its_name(work: Path) -> None:
    text = KEEPALIVED.replace("lb_algo rr", "@one lb_algo rr\n@two lb_algo sh")
    assert '"round-robin"' in _piped(text, "keepalived", "-", "--id", "one").stdout
    assert '"source-hash"' in _piped(text, "keepalived", "-", "--id", "two").stdout


def test_with_a_certificate_ballast_ends_tls() -> None:
    done = _piped(KEEPALIVED, "keepalived", "-", "--certificate", "/etc/tls/ftp.pem")
    assert done.returncode == 0
    assert '[listener.ftp.tls]\ncertificate = "/etc/tls/ftp.pem"\n' in done.stdout
