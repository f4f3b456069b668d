// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLines, type Message } from "../src/event_lines.ts";

const stream = ': events of Ballast\n\nid: a-1\nevent: ban_begun\ndata: {"user":"größe €"}\n\n:\n\nevent: lost\ndata: {"events":3}\n\n';
const wanted: Message[] = [
    { id: "a-1", kind: "ban_begun", data: '{"user":"größe €"}' },
    { id: "", kind: "lost", data: '{"events":3}' },
];

test("events are found wherever the stream is cut", () => {
    const bytes = new TextEncoder().encode(stream);
    for (let cut = 0; cut <= bytes.length; ++cut) {
        const lines = new EventLines();
        assert.deepEqual([...lines.take(bytes.slice(0, cut)), ...lines.take(bytes.slice(cut))], wanted, `cut at ${cut}`);
    }
    const lines = new EventLines();
    const one = [...bytes].flatMap((byte) => lines.take(Uint8Array.of(byte)));
    assert.deepEqual(one, wanted);
});

test("an event that is not whole is not told", () => {
    const lines = new EventLines();
    assert.deepEqual(lines.take(new TextEncoder().encode("id: a-1\ndata: {}\n")), []);
});
