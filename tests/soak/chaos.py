# SPDX-License-Identifier: Apache-2.0
"""The schedule of what goes wrong and of what operators do. A seed gives the same schedule again."""

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import operators
from field import Field
from outcomes import Outcomes
from troubles import Troubles

# The twelfths of the run at whose beginning the process is replaced. In between, one process stays
# long enough to see its memory grow.
UPGRADES_AT = (1, 2, 3, 4, 10, 11)
TWELFTHS = 12
RELOAD_EVERY_SECONDS = 15.0
CERTIFICATE_EVERY_SECONDS = 40.0
TROUBLE_EVERY_SECONDS = (1.0, 5.0)
TROUBLE_LASTS_SECONDS = (0.5, 12.0)
# At the end of the run everything works again.
CALM_AT_THE_END_SECONDS = 5.0

OF_SERVERS = {"kill": "start", "pause": "resume"}
OF_GATES = {
    "stall-control": "release",
    "stall-data": "release",
    "stall-data-after": "release",
    "delay": "undelay",
    "cut": "",
}
OF_OPERATORS = {"drain": "ready", "drain-idle": "ready", "disable": "ready"}
TROUBLES = {**OF_SERVERS, **OF_GATES, **OF_OPERATORS}
STATES = {"drain": "drain", "drain-idle": "drain-idle", "disable": "disabled", "ready": "ready"}


@dataclass(frozen=True, order=True)
class Event:
    at: float
    action: str
    # A backend; empty if the action concerns none.
    target: str = ""


def schedule(
    seconds: float, choice: random.Random, gated: Sequence[str], direct: Sequence[str]
) -> list[Event]:
    events = [Event(seconds * twelfth / TWELFTHS, "upgrade") for twelfth in UPGRADES_AT]
    for every, action in (
        (RELOAD_EVERY_SECONDS, "reload"),
        (CERTIFICATE_EVERY_SECONDS, "certificate"),
    ):
        at = choice.uniform(0, every)
        while at < seconds:
            events.append(Event(at, action))
            at += choice.uniform(0.5, 1.5) * every
    events += _troubles(seconds - CALM_AT_THE_END_SECONDS, choice, gated, direct)
    return sorted(events)


def _troubles(
    seconds: float, choice: random.Random, gated: Sequence[str], direct: Sequence[str]
) -> list[Event]:
    """A backend has one trouble at a time."""
    events: list[Event] = []
    free_at = dict.fromkeys((*gated, *direct), 0.0)
    at = 0.0
    while at < seconds:
        free = [name for name, when in free_at.items() if when <= at]
        if free:
            target = choice.choice(free)
            kinds = {**OF_SERVERS, **OF_OPERATORS, **(OF_GATES if target in gated else {})}
            action = choice.choice(list(kinds))
            ends = min(at + choice.uniform(*TROUBLE_LASTS_SECONDS), seconds)
            events.append(Event(at, action, target))
            if kinds[action]:
                events.append(Event(ends, kinds[action], target))
            # A moment to recover.
            free_at[target] = ends + 1
        at += choice.uniform(*TROUBLE_EVERY_SECONDS)
    return events


class Chaos:
    """Makes events happen. One thread uses it."""

    def __init__(self, field: Field, outcomes: Outcomes, choice: random.Random) -> None:
        self.happened: Counter[str] = Counter()
        self.replaced: list[int] = []
        self.troubles = Troubles()
        self._field = field
        self._outcomes = outcomes
        self._choice = choice
        self._reloads = 0
        self._certificates = 0

    def make(self, event: Event) -> None:
        self.happened[event.action] += 1
        if event.action in TROUBLES:
            self.troubles.begin(event.target)
        self._act(event)
        if event.target and not TROUBLES.get(event.action):
            self.troubles.end(event.target)

    def _act(self, event: Event) -> None:
        if event.action in STATES:
            self._set_state(event.target, STATES[event.action])
        elif event.action in ("reload", "certificate", "upgrade"):
            {
                "reload": self._reload,
                "certificate": self._replace_certificate,
                "upgrade": self._upgrade,
            }[event.action]()
        elif event.action in (*OF_SERVERS, *OF_SERVERS.values()):
            self._of_server(event)
        else:
            self._of_gate(event)

    def _of_server(self, event: Event) -> None:
        server = self._field.servers[event.target]
        acts: dict[str, Callable[[], None]] = {
            "kill": server.kill,
            "start": server.start,
            "pause": server.pause,
            "resume": server.resume,
        }
        acts[event.action]()

    def _of_gate(self, event: Event) -> None:
        gate = self._field.gates[event.target]
        if event.action == "stall-control":
            gate.control.stall()
        elif event.action == "stall-data":
            gate.data.stall()
        elif event.action == "stall-data-after":
            gate.data.stall_after = self._choice.randrange(1, 1_000_000)
        elif event.action == "delay":
            gate.data.slice_bytes, gate.data.delay = 16_384, 0.003
            gate.control.delay = 0.05
        elif event.action == "cut":
            gate.cut()
        elif event.action == "release":
            gate.control.release()
            gate.data.release()
        elif event.action == "undelay":
            gate.data.slice_bytes, gate.data.delay = 65_536, 0.0
            gate.control.delay = 0.0
        else:
            raise ValueError(f"unknown action {event.action}")

    def _ask(self, method: str, target: str, body: object = None) -> tuple[int, dict[str, object]]:
        return operators.ask(self._field.work, method, target, body)

    def _expect(self, wanted: int, method: str, target: str, body: object = None) -> object:
        status, answer = self._ask(method, target, body)
        if status != wanted:
            self._outcomes.violated(f"{method} {target}: {status} {answer}")
        return answer

    def _set_state(self, backend: str, state: str) -> None:
        target = f"/v1/backends/{self._field.pool_of(backend)}/{backend}/state"
        self._expect(200, "PUT", target, {"state": state})

    def _reload(self) -> None:
        """Every fourth one is refused."""
        self._reloads += 1
        ballast = self._field.ballast
        good = ballast.listeners["ftp"]
        bad = self._reloads % 4 == 0
        settings = {**good.settings, "max_sessions": -1 if bad else 500 + self._reloads % 3}
        ballast.listeners["ftp"] = dataclasses.replace(good, settings=settings)
        ballast.configuration.write_text(ballast.text())
        self._expect(422 if bad else 200, "POST", "/v1/reload")
        if bad:
            ballast.listeners["ftp"] = good
            ballast.configuration.write_text(ballast.text())

    def _replace_certificate(self) -> None:
        self._certificates += 1
        self._field.replace_certificate(self._certificates)

    def _upgrade(self) -> None:
        former = self._field.ballast.pid
        status, answer = self._ask("POST", "/v1/upgrade")
        if status != 200:
            self._outcomes.violated(f"upgrade: {status} {answer}")
            return
        self.replaced.append(former)
        self._field.ballast.follow(int(str(answer["pid"])))
