// SPDX-License-Identifier: Apache-2.0
// TypeScript types of the answers, queries and bodies in an OpenAPI document of Ballast.

const quoted = (text) => JSON.stringify(text);

function typeOf(schema) {
    if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
    if (Array.isArray(schema.type))
        return schema.type.map((type) => typeOf({ ...schema, type })).join(" | ");
    if (schema.enum) return schema.enum.map(quoted).join(" | ");
    switch (schema.type) {
        case "null":
        case "boolean":
        case "string":
            return schema.type;
        case "integer":
        case "number":
            return "number";
        case "array":
            return `Array<${typeOf(schema.items)}>`;
        case "object":
            return schema.properties ? objectOf(schema) : "Record<string, unknown>";
        default:
            throw new Error(`the page's types have no word for the schema ${JSON.stringify(schema)}`);
    }
}

// An object of the API has all its members, except those that a `required` leaves out.
function objectOf({ properties, required }) {
    const members = Object.entries(properties).map(([name, schema]) => {
        const optional = required && !required.includes(name) ? "?" : "";
        return `${quoted(name)}${optional}: ${typeOf(schema)}`;
    });
    return `{ ${members.join("; ")} }`;
}

export function typesOf(document) {
    const answers = [];
    const queries = [];
    const bodies = [];
    for (const [path, operations] of Object.entries(document.paths)) {
        for (const [method, operation] of Object.entries(operations)) {
            const key = quoted(`${method.toUpperCase()} ${path}`);
            const schema = operation.responses["200"].content["application/json"]?.schema;
            answers.push(`    ${key}: ${schema ? typeOf(schema) : "string"};`);
            const names = operation.parameters.filter((each) => each.in === "query");
            const members = names.map((each) => `${quoted(each.name)}?: string`);
            queries.push(`    ${key}: { ${members.join("; ")} };`);
            const body = operation.requestBody?.content["application/json"].schema;
            bodies.push(`    ${key}: ${body ? typeOf(body) : "undefined"};`);
        }
    }
    const list = (name, lines) => `export interface ${name} {\n${lines.join("\n")}\n}\n`;
    return [
        "// Made by web/types.mjs from the description of the API.",
        list("Answers", answers),
        list("Queries", queries),
        list("Bodies", bodies),
        `export const paths: ReadonlyArray<string> = ${JSON.stringify(Object.keys(document.paths))};`,
        "",
    ].join("\n");
}
