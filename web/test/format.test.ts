// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, counted, cut, moment, rate, roughly, short, span, utc, visible } from "../src/format.ts";

test("amounts have a unit, and a fraction only where it says something", () => {
    assert.equal(bytes(0), "0 B");
    assert.equal(bytes(1023), "1023 B");
    assert.equal(bytes(1023.6), "1.0 KiB");
    assert.equal(bytes(1024), "1.0 KiB");
    assert.equal(bytes(10 * 1024), "10 KiB");
    assert.equal(bytes(1.5 * 1024 ** 2), "1.5 MiB");
    assert.equal(bytes(2 ** 60), "1024 PiB");
    assert.equal(rate(-3), "0 B/s");
    assert.equal(rate(5 * 1024 ** 3), "5.0 GiB/s");
});

test("long numbers are grouped, and nouns follow them", () => {
    assert.equal(count(999), "999");
    assert.equal(count(9000), "9,000");
    assert.equal(count(1234567), "1,234,567");
    assert.equal(counted(1, "session"), "1 session");
    assert.equal(counted(0, "session"), "0 sessions");
    assert.equal(counted(9000, "session"), "9,000 sessions");
});

test("spans have two units at most", () => {
    assert.equal(span(-1), "0 s");
    assert.equal(span(59.9), "59 s");
    assert.equal(span(60), "1 min");
    assert.equal(span(252), "4 min 12 s");
    assert.equal(span(3600 + 120), "1 h 2 min");
    assert.equal(span(86400 * 3 + 3600), "3 d 1 h");
    assert.equal(roughly(252), "4 min");
    assert.equal(roughly(7200), "2 h");
    assert.equal(roughly(7100), "118 min");
    assert.equal(short(0.0004), "0.4 ms");
    assert.equal(short(0.25), "250 ms");
    assert.equal(short(0.9999), "1.0 s");
    assert.equal(short(75), "1 min 15 s");
});

test("a time of today has no date, and hovering shows UTC", () => {
    const at = new Date(2026, 10, 29, 14, 3, 5);
    assert.equal(moment(at.toISOString(), new Date(2026, 10, 29, 23, 0)), "14:03:05");
    assert.equal(moment(at.toISOString(), new Date(2026, 10, 30, 0, 0)), "2026-11-29 14:03:05");
    assert.equal(utc("2026-11-29T14:03:00.128Z"), "2026-11-29 14:03:00.128 UTC");
});

test("what would change how others are read is shown as its code", () => {
    assert.equal(visible("a\u202egpj.exe"), "a\\u{202e}gpj.exe");
    assert.equal(visible("a\nb\u0000c\u009fd"), "a\\u{a}b\\u{0}c\\u{9f}d");
    assert.equal(visible("שלום <b>"), "שלום <b>");
    assert.equal(visible("zero\u200bwidth\ufeff"), "zero\\u{200b}width\\u{feff}");
});

test("long names are cut between characters", () => {
    assert.equal(cut("abc", 3), "abc");
    assert.equal(cut("😀😀😀😀", 2), "😀😀… (4 characters)");
    assert.equal(cut("x".repeat(4096), 3), "xxx… (4,096 characters)");
});
