// SPDX-License-Identifier: Apache-2.0
// The answer to "is anything wrong?", in one sentence.
import type { Backend, Pool } from "./api.ts";
import { roughly } from "./format.ts";

export type Level = "good" | "warn" | "bad" | "idle";

export interface Sentence {
    level: Level;
    text: string;
}

export type Condition = "up" | "down" | "unknown" | "ejected" | "draining" | "disabled" | "weight 0";

/** What counts most about a backend. */
export function conditionOf(backend: Backend): Condition {
    if (backend.state === "disabled") return "disabled";
    if (backend.state !== "ready") return "draining";
    if (backend.health === "down") return "down";
    if (backend.ejected) return "ejected";
    if (backend.weight === 0) return "weight 0";
    return backend.health === "up" ? "up" : "unknown";
}

export function levelOf(condition: Condition): Level {
    switch (condition) {
        case "up":
            return "good";
        case "down":
            return "bad";
        case "unknown":
            return "idle";
        default:
            return "warn";
    }
}

/** Whether new sessions may come to it. A backend without probes serves until it proves otherwise. */
export function serves(backend: Backend): boolean {
    return ["up", "unknown"].includes(conditionOf(backend));
}

const since = (backend: Backend, now: number) =>
    backend.health_since ? ` for ${roughly((now - Date.parse(backend.health_since)) / 1000)}` : "";

function trouble(backend: Backend, now: number): string {
    const condition = conditionOf(backend);
    const cause = backend.reason ? `: ${backend.reason}` : "";
    switch (condition) {
        case "down":
            return `${backend.backend} down${since(backend, now)}${cause}`;
        case "ejected":
            return `${backend.backend} is left out for a while${cause}`;
        case "weight 0":
            return `${backend.backend} has weight 0`;
        default:
            return `${backend.backend} is ${condition}`;
    }
}

const troublesMax = 3;

export function sentenceOf(
    state: string,
    backends: ReadonlyArray<Backend>,
    pools: ReadonlyArray<Pool>,
    now: number,
): Sentence {
    if (state !== "ready")
        return { level: "bad", text: `The whole balancer takes no new clients: its state is ${state}.` };
    const all = backends.length;
    if (all === 0) return { level: "idle", text: "There are no backends." };
    const serving = backends.filter(serves).length;
    const troubles = backends.filter((each) => !serves(each));
    if (troubles.length === 0)
        return { level: "good", text: all === 1 ? "The only backend serves." : `All ${all} backends serve.` };
    const told = troubles.slice(0, troublesMax).map((each) => trouble(each, now));
    if (troubles.length > troublesMax) told.push(`and ${troubles.length - troublesMax} more`);
    const count = serving === 0 ? "No backend serves" : `${serving} of ${all} backends serve${serving === 1 ? "s" : ""}`;
    const isBad = serving === 0 || pools.some((each) => each.backends > 0 && !each.can_serve);
    const isDown = troubles.some((each) => conditionOf(each) === "down");
    return { level: isBad || isDown ? "bad" : "warn", text: `${count}; ${told.join("; ")}` };
}
