// SPDX-License-Identifier: Apache-2.0
// Makes the page: build.mjs FOLDER. FOLDER has openapi.json; page_files.cpp and test/ are made there.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { typesOf } from "./types.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const made = resolve(process.argv[2]);
// The issue of the page names this limit: all of it, compressed.
const bytesMax = 150 * 1024;

const types = join(made, "api_types.ts");
writeFileSync(types, typesOf(JSON.parse(readFileSync(join(made, "openapi.json"), "utf8"))));

const project = join(made, "tsconfig.json");
writeFileSync(
    project,
    JSON.stringify({
        extends: join(here, "tsconfig.json"),
        compilerOptions: {
            paths: {
                api_types: [types],
                preact: [join(here, "node_modules/preact")],
                "preact/*": [join(here, "node_modules/preact/*")],
                uplot: [join(here, "node_modules/uplot")],
            },
            typeRoots: [join(here, "node_modules/@types")],
            rootDir: "/",
        },
        include: [join(here, "src"), join(here, "test"), types],
    }),
);
const checked = spawnSync(
    process.execPath,
    [join(here, "node_modules/typescript/bin/tsc"), "--project", project, "--pretty", "false"],
    { stdio: "inherit" },
);
if (checked.status !== 0) process.exit(1);

const common = { bundle: true, write: false, alias: { api_types: types }, absWorkingDir: here };
const inPage = {
    ...common,
    minify: true,
    target: ["chrome105", "firefox110", "safari16"],
    legalComments: "none",
    banner: { js: "/* Preact (c) Jason Miller, uPlot (c) Leon Sorokin, MIT licence; Ballast, Apache-2.0 */" },
    jsx: "automatic",
    jsxImportSource: "preact",
};
const text = (options) => buildSync(options).outputFiles[0].contents;
const files = [
    ["/", "text/html; charset=utf-8", readFileSync(join(here, "src/page.html"))],
    ["/page.js", "text/javascript; charset=utf-8",
        text({ ...inPage, entryPoints: ["src/page.tsx"], format: "esm" })],
    ["/page.css", "text/css; charset=utf-8", text({ ...inPage, banner: {}, entryPoints: ["src/page.css"] })],
    ["/icon.svg", "image/svg+xml", readFileSync(join(here, "src/icon.svg"))],
];

const rows = [];
const arrays = [];
let total = 0;
for (const [path, type, content] of files) {
    const bytes = gzipSync(content, { level: 9 });
    bytes[9] = 255; // the system where it was made is nobody's business
    total += bytes.length;
    const etag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    const name = `file_${rows.length}`;
    const numbers = Array.from(bytes).join(",").replace(/(.{1,110},)/g, "$1\n");
    arrays.push(`constexpr unsigned char ${name}[] = {\n${numbers}};`);
    rows.push(
        `    {.path = "${path}", .type = "${type}", .etag = "\\"${etag}\\"", .bytes = text_of(${name})},`,
    );
}
if (total > bytesMax) {
    console.error(`page: ${total} bytes compressed, more than ${bytesMax}: leave something out`);
    process.exit(1);
}
writeFileSync(join(made, "bytes"), `${total}\n`);

mkdirSync(join(made, "test"), { recursive: true });
for (const name of readdirSync(join(here, "test"))) {
    const into = join(made, "test", name.replace(/\.ts$/, ".mjs"));
    writeFileSync(into, text({ ...common, entryPoints: [`test/${name}`], format: "esm", platform: "node" }));
}

writeFileSync(
    join(made, "page_files.cpp"),
    `// Made by web/build.mjs: the page, ${total} bytes.
#include "admin/page.h"

#include <cstddef>

namespace ballast::admin {

namespace {

${arrays.join("\n")}

template <std::size_t N>
std::string_view text_of(const unsigned char (&bytes)[N]) {
    return {reinterpret_cast<const char*>(bytes), N};
}

}  // namespace

std::span<const PageFile> page_files() {
    static const PageFile files[] = {
${rows.join("\n")}
    };
    return files;
}

}  // namespace ballast::admin
`,
);
