// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../src/api.ts";
import { afterEvents, found, type Row, type Rows } from "../src/session_list.ts";

const at = "2026-11-29T14:03:00.000Z";
const event = (kind: string, more: Partial<Event>): Event => ({ id: "a-1", at, kind, ...more }) as Event;
const row = (id: string, more: Partial<Row> = {}): Row => ({
    id, listener: "ftp", client: "192.0.2.7:50000", user: "anna", pool: "files", backend: "f1",
    began: at, transferring: false, bytes: 0, transfers: 0, ...more,
});
const rows = (...all: Row[]): Rows => new Map(all.map((each) => [each.id, each]));

test("a session comes, logs in, transfers, moves and goes", () => {
    let now = afterEvents(rows(), [event("session_began", { session: "1", listener: "ftp", client: "192.0.2.7:50000" })]);
    assert.deepEqual(now.get("1"), row("1", { user: "", pool: "", backend: "" }));
    now = afterEvents(now, [event("session_logged_in", { session: "1", user: "anna", pool: "files", backend: "f1" })]);
    assert.deepEqual(now.get("1"), row("1"));
    now = afterEvents(now, [event("transfer_began", { session: "1" })]);
    assert.equal(now.get("1")?.transferring, true);
    now = afterEvents(now, [event("transfer_ended", { session: "1", bytes: 42 })]);
    assert.deepEqual(now.get("1"), row("1", { bytes: 42, transfers: 1 }));
    now = afterEvents(now, [event("session_moved", { session: "1", from: "f1", backend: "f2" })]);
    assert.equal(now.get("1")?.backend, "f2");
    now = afterEvents(now, [event("session_ended", { session: "1" })]);
    assert.equal(now.size, 0);
});

test("events that come twice or too late leave no ghosts", () => {
    const before = rows(row("1", { user: "anna" }));
    const again = afterEvents(before, [event("session_began", { session: "1", client: "192.0.2.7:50000" })]);
    assert.deepEqual(again.get("1"), row("1"));
    const ended = afterEvents(rows(), [
        event("session_logged_in", { session: "2", user: "ben" }),
        event("transfer_ended", { session: "2", bytes: 1 }),
        event("session_ended", { session: "2" }),
    ]);
    assert.equal(ended.size, 0);
});

test("events that rows may have already change no numbers", () => {
    const ended = [event("transfer_ended", { session: "1", bytes: 42 })];
    const after = afterEvents(rows(row("1", { transferring: true, bytes: 42, transfers: 1 })), ended, false);
    assert.deepEqual(after.get("1"), row("1", { bytes: 42, transfers: 1 }));
});

test("events of other things change nothing, and the former rows stay as they were", () => {
    const before = rows(row("1"));
    const after = afterEvents(before, [
        event("backend_down", { backend: "f1" }),
        event("login_refused", { session: "1", user: "mallory" }),
        event("session_ended", { session: "1" }),
    ]);
    assert.equal(before.size, 1);
    assert.equal(after.size, 0);
    assert.equal(afterEvents(before, [event("login_refused", { session: "1", user: "mallory" })]).get("1")?.user, "anna");
});

test("search looks into all names, whatever their case, and shows the newest first", () => {
    const all = rows(
        row("1"),
        row("2", { user: "Ben", backend: "f2" }),
        row("3", { client: "198.51.100.9:4000", user: "" }),
        row("4", { user: "benedikt" }),
    );
    const ids = (search: string, backend = "") => found(all, search, backend).map((each) => each.id);
    assert.deepEqual(ids(""), ["4", "3", "2", "1"]);
    assert.deepEqual(ids("ben"), ["4", "2"]);
    assert.deepEqual(ids(" BEN ", "f2"), ["2"]);
    assert.deepEqual(ids("198.51"), ["3"]);
    assert.deepEqual(ids("nobody"), []);
    const ofAllNodes = rows(row("1", { node: "east" }), row("2", { node: "west" }));
    assert.deepEqual(found(ofAllNodes, "WEST", "").map((each) => each.id), ["2"]);
    // Ids do not tell which session is newer.
    const later = afterEvents(all, [event("session_began", { session: "0", at: "2026-11-29T14:03:01.000Z" })]);
    assert.deepEqual(found(later, "", "").map((each) => each.id), ["0", "4", "3", "2", "1"]);
});
