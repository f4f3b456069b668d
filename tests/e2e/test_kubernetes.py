# SPDX-License-Identifier: Apache-2.0
"""The manifests of packaging/kubernetes. No cluster runs here: they are read as the API would read
them, and a real Ballast runs with their configuration."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
import yaml

import waiting
from ballast import BINARY, DIRECT, Ballast, run_ballast
from certificates import Authority
from servers import REPOSITORY

pytestmark = pytest.mark.skipif(DIRECT, reason="the balancer's own")

FOLDER = REPOSITORY / "packaging/kubernetes"
# Lists, maps and objects in the notation of python3-kubernetes.
_LIST, _MAP = re.compile(r"list\[(.*)\]"), re.compile(r"dict\(str, (.*)\)")
_PLAIN = {"str": str, "int": int, "bool": bool, "float": float}


def _faults(kind: str, value: Any, where: str) -> Iterator[str]:
    """What the API would refuse: unknown fields, missing ones, wrong types."""
    if (inner := _LIST.fullmatch(kind)) is not None:
        if not isinstance(value, list):
            yield f"{where} is not a list"
            return
        for number, each in enumerate(value):
            yield from _faults(inner[1], each, f"{where}[{number}]")
    elif (inner := _MAP.fullmatch(kind)) is not None:
        if not isinstance(value, dict):
            yield f"{where} is not a map"
            return
        for key, each in value.items():
            yield from _faults(inner[1], each, f"{where}.{key}")
    elif kind in _PLAIN:
        if type(value) is not _PLAIN[kind]:
            yield f"{where} is {value!r}, not {kind}"
    elif kind == "object":
        # An IntOrString, or the like.
        if not isinstance(value, str | int):
            yield f"{where} is {value!r}"
    else:
        yield from _faults_of_object(getattr(kubernetes.client, kind), value, where)


def _faults_of_object(model: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is not an object"
        return
    own = {model.attribute_map[name]: name for name in model.attribute_map}
    for key, each in value.items():
        if key not in own:
            yield f"{where}.{key} is unknown"
            continue
        yield from _faults(model.openapi_types[own[key]], each, f"{where}.{key}")
    try:
        # It refuses what is missing.
        model(**{own[key]: each for key, each in value.items() if key in own})
    except ValueError as why:
        yield f"{where}: {why}"


def _objects() -> dict[str, dict[str, Any]]:
    """By kind: there is one of each."""
    objects: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            assert each["kind"] not in objects, each["kind"]
            objects[each["kind"]] = each
    return objects


OBJECTS = _objects()
DEPLOYMENT = OBJECTS["Deployment"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
SERVICE = OBJECTS["Service"]["spec"]
TOML = OBJECTS["ConfigMap"]["data"]["ballast.toml"]


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_api_knows_every_field(kind: str) -> None:
    group, _, version = OBJECTS[kind]["apiVersion"].rpartition("/")
    assert group in ("", "apps", "policy")
    model = f"{version.capitalize()}{kind}"
    assert not list(_faults(model, OBJECTS[kind], kind))


def test_a_wrong_field_is_noticed() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "spec": {"sessionAfinity": "ClientIP"}}
    assert list(_faults("V1Service", wrong, "it")) == ["it.spec.sessionAfinity is unknown"]
    wrong = {"spec": {"ports": [{"name": "ftp", "port": "21"}, {"name": "other"}]}}
    assert list(_faults("V1Service", wrong, "it")) == [
        "it.spec.ports[0].port is '21', not int",
        "it.spec.ports[1]: Invalid value for `port`, must not be `None`",
    ]


def test_selectors_find_the_pods() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"].items()
    (apart,) = POD["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    for selector in (
        SERVICE["selector"],
        DEPLOYMENT["selector"]["matchLabels"],
        OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        apart["labelSelector"]["matchLabels"],
    ):
        assert selector and selector.items() <= labels


def test_the_ports_of_the_service_are_those_of_the_configuration() -> None:
    (bind,) = re.findall(r'bind = \["0\.0\.0\.0:(\d+)"\]', TOML)
    (first, last) = re.findall(r'passive_ports = "(\d+)-(\d+)"', TOML)[0]
    (control,) = CONTAINER["ports"]
    assert control["containerPort"] == int(bind)
    assert SERVICE["ports"][0] == {"name": "ftp", "port": 21, "targetPort": control["name"]}
    assert SERVICE["ports"][1:] == [
        {"name": f"passive-{port}", "port": port, "targetPort": port}
        for port in range(int(first), int(last) + 1)
    ]
    assert SERVICE["externalTrafficPolicy"] == "Local"
    assert SERVICE["sessionAffinity"] == "ClientIP"


def _mounted(path: str) -> dict[str, Any]:
    """The volume at this folder."""
    (mount,) = [each for each in CONTAINER["volumeMounts"] if each["mountPath"] == path]
    (volume,) = [each for each in POD["volumes"] if each["name"] == mount["name"]]
    return volume


def test_the_files_of_the_configuration_are_mounted() -> None:
    assert _mounted("/etc/ballast")["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
    assert CONTAINER["args"] == ["run", "-c", "/etc/ballast/ballast.toml"]
    assert "emptyDir" in _mounted("/run/ballast")
    secret = _mounted("/etc/ballast-secrets")["secret"]
    # The pod's group reads it, and nobody else.
    assert secret["defaultMode"] == 0o440 and POD["securityContext"]["fsGroup"]
    (made,) = re.findall(r"kubectl create secret generic (.*)", (FOLDER / "README.md").read_text())
    name, *files = made.split()
    assert name == secret["secretName"]
    used = set(re.findall(r'"/etc/ballast-secrets/([^"]+)"', TOML))
    assert used == {each.removeprefix("--from-file=") for each in files}
    assert set(re.findall(r'"(/[^"]*)/[^"/]+"', TOML)) == {"/etc/ballast-secrets"}


def _pre_stop() -> list[str]:
    return CONTAINER["lifecycle"]["preStop"]["exec"]["command"]  # type: ignore[no-any-return]


def test_the_grace_period_is_long_enough() -> None:
    program, seconds, *_ = _pre_stop()
    assert program == "timeout"
    # `shutdown_timeout` is 30 seconds.
    assert "shutdown_timeout" not in TOML
    assert POD["terminationGracePeriodSeconds"] >= int(seconds) + 30


@pytest.fixture
def configuration(work: Path) -> Path:
    """The map's ballast.toml, with the files of the secret."""
    authority = Authority(work)
    identity = authority.issue("ftp.example.com")
    (work / "probe.secret").write_text("secret\n")
    (work / "probe.secret").chmod(0o600)
    text = TOML.replace("/etc/ballast-secrets/tls.crt", str(identity.certificate))
    text = text.replace("/etc/ballast-secrets/tls.key", str(identity.key))
    text = text.replace("/etc/ballast-secrets/", f"{work}/")
    path = work / "ballast.toml"
    path.write_text(text)
    return path


def test_check_accepts_the_configuration(configuration: Path) -> None:
    done = run_ballast("check", "-c", configuration)
    assert done.returncode == 0, done
    # Names of the cluster lead nowhere here.
    assert all("look" in line or "no address" in line for line in done.stderr.splitlines()), done


class FromMap(Ballast):
    """A balancer with the map's configuration."""

    def __init__(self, work: Path, text: str) -> None:
        super().__init__(work, [], [])
        socket = self.work / "s"
        self._own = f'{text}\n[admin]\nsocket = "{socket}"\n[log]\nfile = "{self.log}"\n'
        self._own += 'format = "json"\n'
        self.socket = socket

    def text(self) -> str:
        return self._own


def test_a_running_ballast_accepts_the_commands_of_the_pod(configuration: Path, work: Path) -> None:
    it = FromMap(work, configuration.read_text())

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        words = [str(BINARY) if each == "ballast" else each for each in command]
        return subprocess.run(
            [*words, "--socket", str(it.socket)],
            capture_output=True,
            text=True,
            timeout=waiting.PATIENCE,
            check=False,
        )

    probes = {
        name: CONTAINER[f"{name}Probe"]["exec"]["command"]
        for name in ("startup", "liveness", "readiness")
    }
    with it:
        assert run(probes["startup"]).returncode == 0
        assert run(probes["liveness"]).returncode == 0
        # No backend serves.
        assert run(probes["readiness"]).returncode == 1
        assert run(_pre_stop()).returncode == 0
        # It lives as long as it drains.
        assert run(probes["liveness"]).returncode == 0
    assert run(probes["liveness"]).returncode != 0
