// SPDX-License-Identifier: Apache-2.0
// Decisions of single views.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hash, parse } from "../src/address.ts";
import type { Certificate, Event, Limit } from "../src/api.ts";
import { factsOf, levelOfEvent, merged } from "../src/event_list.tsx";
import { levelOfEntry } from "../src/explain.tsx";
import { levelOfNode } from "../src/nodes.tsx";
import { daysLeft, nearExpiry, nearLimits } from "../src/overview.tsx";
import { points } from "../src/sparkline.tsx";
import { carrierOf, progressAfter } from "../src/transfers.tsx";

test("the address has the view and its filter, whatever names are in it", () => {
    for (const name of ["anna", "a/b?c=d&e#f", "<img onerror>", "größe\u202e", "100%"]) {
        assert.deepEqual(parse(hash("sessions", [], { search: name })), { view: "sessions", rest: [], filter: { search: name } });
        assert.deepEqual(parse(hash("sessions", [name])), { view: "sessions", rest: [name], filter: {} });
    }
    assert.deepEqual(parse(""), { view: "overview", rest: [], filter: {} });
    assert.equal(parse("#/sessions/%zz").rest[0], "%zz");
    assert.equal(hash("sessions", [], { search: "" }), "#/sessions");
});

test("a transfer has stalled when no byte has come for a while", () => {
    const first = progressAfter(new Map(), [{ session: "1", bytes: 5 }, { session: "2", bytes: 5 }], 1000);
    const then = progressAfter(first, [{ session: "1", bytes: 5 }, { session: "2", bytes: 6 }, { session: "3", bytes: 0 }], 9000);
    assert.deepEqual([...then].map(([session, each]) => [session, each.movedAt]), [["1", 1000], ["2", 9000], ["3", 9000]]);
    assert.equal(progressAfter(then, [], 9500).size, 0);
});

test("a transfer says who carries its data, if not Ballast", () => {
    assert.deepEqual(["relay", "kernel", "direct"].map(carrierOf), ["", "by the kernel", "past Ballast"]);
});

test("only limits that are near are shown, the fullest first", () => {
    const limit = (key: string, value: number, in_use: number | null): Limit => ({ key, listener: "", value, in_use, reached: 0 }) as Limit;
    const all = [limit("a", 10, 7), limit("b", 10, 8), limit("c", 0, 9), limit("d", 10, null), limit("e", 10, 10)];
    assert.deepEqual(nearLimits(all).map((each) => each.key), ["e", "b"]);
});

test("certificates that expire, the soonest first", () => {
    const of = (days_left: number): Certificate => ({ listener: "ftp", pool: "", backend: "", file: "f", ocsp: false, days_left }) as Certificate;
    assert.deepEqual(nearExpiry([of(29), of(30), of(-1)]).map((each) => each.days_left), [-1, 29]);
    assert.equal(daysLeft(-1), "expired 1 day ago");
    assert.equal(daysLeft(0), "expires today");
    assert.equal(daysLeft(30), "expires in 30 days");
});

test("events are shown once, the latest first", () => {
    const event = (id: string, at: string): Event => ({ id, at, kind: "ban_begun" }) as Event;
    const one = event("a-1", "2026-11-29T14:00:00Z");
    const two = event("a-2", "2026-11-29T14:00:01Z");
    const other = event("b-1", "2026-11-29T15:00:00Z"); // of a process after a restart
    assert.deepEqual(merged([one, two], [two, other]).map((each) => each.id), ["b-1", "a-2", "a-1"]);
});

test("events tell their values, and which are bad", () => {
    const ended = { id: "a-1", at: "x", kind: "transfer_ended", result: "failed", bytes: 1234 } as Event;
    assert.deepEqual(factsOf(ended), [["result", "failed"], ["bytes", "1,234"]]);
    assert.equal(levelOfEvent(ended), "bad");
    assert.equal(levelOfEvent({ ...ended, result: "whole" }), "good");
    assert.equal(levelOfEvent({ ...ended, kind: "session_began" }), "idle");
});

test("a story marks what went wrong", () => {
    assert.equal(levelOfEntry({ what: "transfer", fields: { result: "failed" } }), "bad");
    assert.equal(levelOfEntry({ what: "transfer", fields: { result: "whole" } }), "good");
    assert.equal(levelOfEntry({ what: "command", fields: { code: 550 } }), "warn");
    assert.equal(levelOfEntry({ what: "command", fields: { code: 226 } }), "idle");
    assert.equal(levelOfEntry({ what: "backend_lost", fields: {} }), "bad");
    assert.equal(levelOfEntry({ what: "a later word", fields: {} }), "idle");
});

test("a sparkline fills its width from the right", () => {
    assert.equal(points([0, 5, 10], 3), "0.0,23.0 60.0,12.0 120.0,1.0");
    assert.equal(points([0, 0], 3), "60.0,23.0 120.0,23.0");
});

test("a node that is not heard of, or does not reach the store, is bad", () => {
    const level = (state: string, store: string, heartbeat_age: number | null) => levelOfNode({ state, store, heartbeat_age });
    assert.equal(level("ready", "none", null), "good");
    assert.equal(level("ready", "connected", 2), "good");
    assert.equal(level("drain", "connected", 2), "warn");
    assert.equal(level("ready", "lost", null), "bad");
    assert.equal(level("ready", "connected", 30), "bad");
    assert.equal(level("replaced", "connected", 2), "idle");
});
