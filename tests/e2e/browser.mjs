// SPDX-License-Identifier: Apache-2.0
// A headless Chromium for the tests of the page. Each line on standard input is a question in JSON,
// {"do": ..., ...}; each line on standard output is its answer, {"ok": ...} or {"problem": ...}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";

const [modules, executable] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const patience = 30_000;
const browser = await chromium.launch({
    executablePath: executable,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
let context;
let page;
let complaints = [];
let requests = [];
let performance;

const acts = {
    // A page of its own. What it complains about is kept.
    async open({ url, width = 1280, height = 900, dark = false, bypass = false, zone = "Europe/Berlin" }) {
        await context?.close();
        context = await browser.newContext({
            viewport: { width, height },
            colorScheme: dark ? "dark" : "light",
            reducedMotion: "reduce",
            timezoneId: zone,
            // axe-core wants to be put into the page.
            bypassCSP: bypass,
        });
        context.setDefaultTimeout(patience);
        page = await context.newPage();
        complaints = [];
        requests = [];
        page.on("console", (message) => {
            if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
        });
        page.on("pageerror", (error) => complaints.push(String(error)));
        page.on("dialog", (dialog) => {
            complaints.push(`a dialog: ${dialog.message()}`);
            void dialog.dismiss();
        });
        page.on("request", (request) => requests.push(request.url()));
        performance = await context.newCDPSession(page);
        await performance.send("Performance.enable");
        await page.goto(url);
    },
    go: ({ hash }) => page.evaluate((to) => { location.hash = to; }, hash),
    wait: ({ selector, text, state = "visible" }) =>
        page.locator(selector, text === undefined ? {} : { hasText: text }).first().waitFor({ state }),
    gone: ({ selector, text }) =>
        page.locator(selector, text === undefined ? {} : { hasText: text }).first().waitFor({ state: "hidden" }),
    click: ({ selector, text }) =>
        page.locator(selector, text === undefined ? {} : { hasText: text }).first().click(),
    fill: ({ selector, value }) => page.locator(selector).first().fill(value),
    choose: ({ selector, value }) => page.locator(selector).first().selectOption(value),
    press: ({ key }) => page.keyboard.press(key),
    type: ({ text }) => page.keyboard.type(text),
    text: ({ selector }) => page.locator(selector).first().innerText(),
    texts: ({ selector }) => page.locator(selector).allInnerTexts(),
    count: ({ selector }) => page.locator(selector).count(),
    attribute: ({ selector, name }) => page.locator(selector).first().getAttribute(name),
    url: () => page.url(),
    evaluate: ({ script }) => page.evaluate(script),
    media: ({ dark }) => page.emulateMedia({ colorScheme: dark ? "dark" : "light" }),
    resize: ({ width, height }) => page.setViewportSize({ width, height }),
    screenshot: ({ path, full = false }) => page.screenshot({ path, fullPage: full, animations: "disabled" }),
    complaints: () => complaints,
    requests: () => requests,
    // What makes the page hard to use, of the two worst grades.
    async axe() {
        await page.evaluate(axe);
        return page.evaluate(async () => {
            const { violations } = await globalThis.axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
            });
            return violations
                .filter((each) => ["serious", "critical"].includes(each.impact))
                .map((each) => `${each.id}: ${each.nodes.map((node) => `${node.html} ${node.failureSummary}`).slice(0, 3).join(" | ")}`);
        });
    },
    // Seconds of processor time that the page's scripts and layout have taken.
    async effort() {
        const { metrics } = await performance.send("Performance.getMetrics");
        return metrics.find((each) => each.name === "TaskDuration").value;
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const { do: what, ...arguments_ } = JSON.parse(line);
    let answer;
    try {
        answer = { ok: (await acts[what](arguments_)) ?? null };
    } catch (problem) {
        answer = { problem: String(problem) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
