// SPDX-License-Identifier: Apache-2.0
// The types come from the description of the API, and know all that it says.
import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error: a script of the build
import { typesOf } from "../types.mjs";

const operation = (schema: unknown, more = {}) => ({
    parameters: [],
    responses: { "200": { content: { "application/json": { schema } } } },
    ...more,
});

test("answers, queries and bodies become types", () => {
    const list = { type: "array", items: { type: "object", properties: { name: { type: "string" }, rate: { type: "number" } } } };
    const text = typesOf({
        paths: {
            "/v1/things": {
                get: operation(
                    { type: "object", properties: { things: list, next: { type: "string" } }, required: ["things"] },
                    { parameters: [{ name: "limit", in: "query" }, { name: "thing", in: "path" }] },
                ),
                put: operation(
                    { anyOf: [{ type: "boolean" }, { type: "null" }] },
                    { requestBody: { content: { "application/json": { schema: { type: "object", properties: { state: { type: "string", enum: ["a", "b"] } } } } } } },
                ),
            },
        },
    }) as string;
    assert.ok(text.includes(`"GET /v1/things": { "things": Array<{ "name": string; "rate": number }>; "next"?: string };`), text);
    assert.ok(text.includes(`"GET /v1/things": { "limit"?: string };`), text);
    assert.ok(text.includes(`"PUT /v1/things": boolean | null;`), text);
    assert.ok(text.includes(`"PUT /v1/things": { "state": "a" | "b" };`), text);
    assert.ok(text.includes(`export const paths: ReadonlyArray<string> = ["/v1/things"];`), text);
});

test("a schema that it has no word for ends the build", () => {
    assert.throws(() => typesOf({ paths: { "/": { get: operation({ type: "tuple" }) } } }), /no word/);
});
