# SPDX-License-Identifier: Apache-2.0
"""A backend is lost between the client's command and the first byte of its download, at every step
of the way. Nothing was delivered yet, so any other backend will do."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

import ballast
import operators
import waiting
from certificates import Authority, for_loopback
from cluster import Cluster, File, fetch, serving
from scripted import Answer, Conversation, FullServer
from tls import server_context
from wire import Wire, read_all, reset

pytestmark = pytest.mark.skipif(ballast.DIRECT, reason="there is nobody to find another backend")

CONTENT = os.urandom(100_000)


def _dies(conversation: Conversation) -> None:
    reset(conversation.plain)
    conversation.close_data()


def _at_once(conversation: Conversation, _: str) -> None:
    _dies(conversation)


def _behind_epsv(conversation: Conversation, _: str) -> None:
    conversation.say(conversation.open_passive())
    _dies(conversation)


def _behind_150(conversation: Conversation, _: str) -> None:
    conversation.say("150 Here it comes.")
    _dies(conversation)


def _behind_data(conversation: Conversation, _: str) -> None:
    """Under TLS in the middle of the handshake."""
    conversation.say("150 Here it comes.")
    with conversation.data() as data:
        assert not conversation.protected or data.recv(1)
        _dies(conversation)
        reset(data)


EARLY: dict[str, tuple[str, Answer]] = {
    "at-prot": ("PROT", _at_once),
    "at-epsv": ("EPSV", _at_once),
    "behind-epsv": ("EPSV", _behind_epsv),
    "at-rest": ("REST", _at_once),
    "at-retr": ("RETR", _at_once),
    "behind-150": ("RETR", _behind_150),
    "behind-data": ("RETR", _behind_data),
    "421-at-epsv": ("EPSV", "421 Bye."),
    "421-at-retr": ("RETR", "421 Bye."),
}


@pytest.mark.parametrize("how", EARLY)
@pytest.mark.parametrize("legs", ["plain", "tls"])
def test_a_server_may_die_before_the_first_byte(how: str, legs: str, work: Path) -> None:
    behind = Authority(work, "Behind")
    contexts = [
        server_context(for_loopback(behind, f"{address}.example.com", address))
        for address in ("127.0.0.91", "127.0.0.92")
    ]
    named = [{"tls": context} if legs == "tls" else {} for context in contexts]
    pool_tls = {"mode": "explicit", "data": "always", "ca": behind.certificate}
    with (
        serving("127.0.0.91", File(CONTENT), **named[0]) as one,
        serving("127.0.0.92", File(CONTENT), **named[1]) as two,
        Cluster(work, [one, two], pool_tls=pool_tls if legs == "tls" else None) as it,
        Wire(it.where()).log_in() as wire,
    ):
        verb, answer = EARLY[how]
        # The balancer has asked its own questions.
        one.answers[verb] = answer
        wire.expect("REST 5", 350)
        content, end, reply = fetch(wire, "RETR")
        assert (end, reply.code) == ("end", 226), reply
        assert content == CONTENT[5:]
        if (verb, legs) != ("PROT", "plain"):
            it.assert_whole("file", "alf1", "alf2")


@pytest.mark.parametrize("verb", ["EPSV", "REST", "RETR"])
def test_a_server_may_be_disabled_before_the_first_byte(verb: str, work: Path) -> None:
    reached, go = threading.Event(), threading.Event()

    def wait(conversation: Conversation, _: str) -> str:
        reached.set()
        assert go.wait(waiting.PATIENCE)
        return conversation.open_passive() if verb == "EPSV" else "350 Well."

    with (
        serving("127.0.0.91", File(CONTENT)) as one,
        serving("127.0.0.92", File(CONTENT)) as two,
        Cluster(work, [one, two], settings=operators.settings(work)) as it,
        Wire(it.where()).log_in() as wire,
    ):
        one.answers[verb] = wait
        wire.expect("REST 5", 350)
        with wire.passive() as data:
            wire.send("RETR file")
            assert reached.wait(waiting.PATIENCE)
            operators.operate(work, "disable", "alfresco/alf1")
            reply = wire.reply()
            go.set()
            assert reply.code == 150, reply
            assert read_all(data) == CONTENT[5:]
        assert wire.reply().code == 226
        it.assert_whole("file", "alf1", "alf2")


def test_a_server_may_be_disabled_before_its_data_connection(work: Path) -> None:
    full = FullServer("127.0.0.91")
    with (
        contextlib.closing(full),
        serving("127.0.0.91", File(CONTENT)) as one,
        serving("127.0.0.92", File(CONTENT)) as two,
        Cluster(
            work, [one, two], settings=operators.settings(work), connect_timeout="20s"
        ) as it,
        Wire(it.where()).log_in() as wire,
    ):
        one.answers["EPSV"] = f"229 Go ahead (|||{full.port}|)"
        with wire.passive() as data:
            wire.send("RETR file")
            it.wait_for_log(
                "the answer to EPSV",
                lambda line: line["message"] == "from the backend" and str(full.port) in str(line),
            )
            operators.operate(work, "disable", "alfresco/alf1")
            reply = wire.reply()
            assert reply.code == 150, reply
            assert read_all(data) == CONTENT
        assert wire.reply().code == 226
