// SPDX-License-Identifier: Apache-2.0
// Requests to Ballast. The token stays in the memory of this page, and each request carries it
// itself: a page from elsewhere cannot make the browser send one.
import type { Answers, Bodies, Queries } from "api_types";

export type Route = keyof Answers;
export type Gettable = Extract<Route, `GET ${string}`>;
export type Backend = Answers["GET /v1/backends"]["backends"][number];
export type Pool = Answers["GET /v1/pools"]["pools"][number];
export type Session = Answers["GET /v1/sessions"]["sessions"][number];
export type Transfer = Answers["GET /v1/transfers"]["transfers"][number];
export type Event = Answers["GET /v1/events/recent"]["events"][number];
export type Limit = Answers["GET /v1/limits"]["limits"][number];
export type Certificate = Answers["GET /v1/certificates"]["certificates"][number];
export type Ban = Answers["GET /v1/bans"]["bans"][number];
export type Stuck = Answers["GET /v1/pools/{pool}/stickiness"]["clients"][number];
export type Story = Answers["GET /v1/explain"]["stories"][number];
export type Rights = Answers["GET /v1/rights"];

/** Ballast has answered, and says no. Its text says what would be right. */
export class Refusal extends Error {
    constructor(
        readonly status: number,
        detail: string,
    ) {
        super(detail);
    }
}

/** How long an answer may take before the page says that there is none. */
const patience = 15_000;
/** Of all nodes: those that hang are waited for, one after the other. */
const patienceWithAll = 60_000;

let token = "";
/** Called for each attempt: whether Ballast has answered at all. */
let heard: (answers: boolean) => void = () => {};
let refused: () => void = () => {};

export function signIn(text: string): void {
    token = text;
}
export function isSignedIn(): boolean {
    return token !== "";
}
export function onHeard(call: (answers: boolean) => void): void {
    heard = call;
}
/** Called when a token is needed, or the one that is used counts no longer. */
export function onUnauthorized(call: () => void): void {
    refused = call;
}

function headers(more: Record<string, string> = {}): Record<string, string> {
    return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

type Query = Record<string, string | undefined>;

function target(route: Route, names: string[], query: Query): [string, string] {
    const [method = "", path = ""] = route.split(" ");
    const left = [...names];
    const filled = path.replace(/\{[^}]*\}/g, () => encodeURIComponent(left.shift() ?? ""));
    const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    const text = new URLSearchParams(set as [string, string][]).toString();
    return [method, text ? `${filled}?${text}` : filled];
}

async function refusalOf(answer: Response): Promise<Refusal> {
    let detail = `${answer.status} ${answer.statusText}`;
    try {
        detail = String(((await answer.json()) as { detail: unknown }).detail);
    } catch {
        // Something between Ballast and this page has answered.
    }
    return new Refusal(answer.status, detail);
}

async function send<R extends Route>(
    route: R,
    names: string[],
    query: Query,
    body?: unknown,
): Promise<Answers[R]> {
    const [method, url] = target(route, names, query);
    let answer: Response;
    try {
        answer = await fetch(url, {
            method,
            headers: headers(),
            body: body === undefined ? null : JSON.stringify(body),
            cache: "no-store",
            credentials: "omit",
            signal: AbortSignal.timeout(query.node === "*" ? patienceWithAll : patience),
        });
    } catch (problem) {
        heard(false);
        throw problem;
    }
    heard(true);
    if (answer.status === 401) refused();
    if (!answer.ok) throw await refusalOf(answer);
    return (await answer.json()) as Answers[R];
}

export function get<R extends Gettable>(
    route: R,
    query: Queries[R] = {} as Queries[R],
    names: string[] = [],
): Promise<Answers[R]> {
    return send(route, names, query as Query);
}

/** Changes something. */
export function act<R extends Exclude<Route, Gettable>>(
    route: R,
    names: string[],
    body: Bodies[R],
    query: Queries[R] = {} as Queries[R],
): Promise<Answers[R]> {
    return send(route, names, query as Query, body);
}

/** Opens the stream of events. It ends with `signal`. */
export async function openStream(
    query: Queries["GET /v1/events"],
    lastId: string,
    signal: AbortSignal,
): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const [, url] = target("GET /v1/events", [], query as Query);
    const more: Record<string, string> = lastId ? { "Last-Event-ID": lastId } : {};
    const answer = await fetch(url, { headers: headers(more), cache: "no-store", credentials: "omit", signal });
    if (answer.status === 401) refused();
    if (!answer.ok || !answer.body) throw await refusalOf(answer);
    return answer.body.getReader();
}
