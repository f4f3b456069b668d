// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend, Pool } from "../src/api.ts";
import { conditionOf, sentenceOf } from "../src/sentence.ts";

const now = Date.parse("2026-11-29T14:04:10Z");
// What the sentence looks at; the API may have more.
const backend = (name: string, more: Partial<Backend> = {}): Backend => ({
    pool: "files", backend: name, address: "10.0.0.1:21", state: "ready", health: "up",
    health_since: "2026-11-29T14:00:00Z", reason: "", ejected: false, backup: false, failover: "off",
    weight: 1, max_sessions: 0, sessions: 0, transfers: 0, bytes_per_second: 0, login_seconds: 0,
    logins: 0, logins_refused: 0, errors: [], ...more,
}) as Backend;
const pool = (more: Partial<Pool> = {}): Pool => ({
    pool: "files", balance: "round-robin", failover: "off", can_serve: true, backends: 3, serving: 3,
    sessions: 0, transfers: 0, waiting: 0, queue_length: 0, stick_entries: 0, ...more,
}) as Pool;
const down = (name: string) => backend(name, { health: "down", reason: "PASS was answered 530" });
const say = (backends: Backend[], pools = [pool()], state = "ready") => sentenceOf(state, backends, pools, now);

test("all is well", () => {
    assert.deepEqual(say([backend("alf1"), backend("alf2")]), { level: "good", text: "All 2 backends serve." });
    assert.deepEqual(say([backend("alf1")]), { level: "good", text: "The only backend serves." });
    assert.equal(say([backend("alf1"), backend("alf2", { health: "unknown" })]).level, "good");
});

test("who is down, since when and why", () => {
    assert.deepEqual(say([backend("alf1"), down("alf2"), backend("alf3")]), {
        level: "bad",
        text: "2 of 3 backends serve; alf2 down for 4 min: PASS was answered 530",
    });
    assert.equal(say([down("alf1")], [pool({ can_serve: false })]).text,
        "No backend serves; alf1 down for 4 min: PASS was answered 530");
});

test("what operators have done is no alarm, unless nobody serves", () => {
    assert.deepEqual(say([backend("alf1"), backend("alf2", { state: "drain" })]), {
        level: "warn",
        text: "1 of 2 backends serves; alf2 is draining",
    });
    assert.equal(say([backend("alf1", { state: "disabled" })], [pool({ can_serve: false })]).level, "bad");
    assert.equal(say([backend("alf1")], [pool()], "drain").text,
        "The whole balancer takes no new clients: its state is drain.");
});

test("many troubles are counted", () => {
    const { text } = say(["a", "b", "c", "d", "e"].map(down));
    assert.ok(text.endsWith("; and 2 more"), text);
});

test("what an operator has decided counts more than probes", () => {
    assert.equal(conditionOf(down("a")), "down");
    assert.equal(conditionOf({ ...down("a"), state: "drain-move" }), "draining");
    assert.equal(conditionOf({ ...down("a"), state: "disabled" }), "disabled");
    assert.equal(conditionOf(backend("a", { ejected: true })), "ejected");
    assert.equal(conditionOf(backend("a", { weight: 0 })), "weight 0");
});
