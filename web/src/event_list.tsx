// SPDX-License-Identifier: Apache-2.0
// What has happened, the latest first.
import { useState } from "preact/hooks";
import { replace } from "./address.ts";
import type { Event } from "./api.ts";
import { rareKinds, sessionKinds } from "./follower.ts";
import { count } from "./format.ts";
import { useEvents, useLoaded } from "./live.ts";
import { Empty, Mark, Name, Problem, Time } from "./marks.tsx";
import type { Level } from "./sentence.ts";

const levels: Partial<Record<Event["kind"], Level>> = {
    backend_up: "good",
    backend_down: "bad",
    backend_ejected: "warn",
    backend_state: "warn",
    balancer_state: "warn",
    queue_full: "warn",
    limit_reached: "warn",
    ban_begun: "warn",
    listener_closed: "warn",
    certificate_expires: "warn",
    reload_refused: "bad",
    upgrade_failed: "bad",
    login_refused: "warn",
};

export function levelOfEvent(event: Event): Level {
    if (event.kind === "transfer_ended") return event.result === "whole" ? "good" : "bad";
    return levels[event.kind] ?? "idle";
}

/** The values of an event, without what is shown elsewhere. */
export function factsOf(event: Event): [string, string][] {
    return Object.entries(event)
        .filter(([name]) => !["id", "at", "kind"].includes(name))
        .map(([name, value]) => [name, typeof value === "number" ? count(value) : String(value)]);
}

export function EventLine({ event }: { event: Event }) {
    return (
        <li class="event">
            <Time at={event.at} /> <Mark level={levelOfEvent(event)}>{event.kind.replaceAll("_", " ")}</Mark>{" "}
            <span class="values">
                {factsOf(event).map(([name, value]) => (
                    <span key={name}>
                        <span class="soft">{name}</span> <Name text={value} />{" "}
                    </span>
                ))}
            </span>
        </li>
    );
}

const shownMost = 300;

/** Those of before and those of now, each once, the latest first. */
export function merged(before: ReadonlyArray<Event>, now: ReadonlyArray<Event>): Event[] {
    const all = new Map<string, Event>();
    for (const event of [...before, ...now]) all.set(event.id, event);
    return [...all.values()].sort((one, other) => Date.parse(other.at) - Date.parse(one.at)).slice(0, shownMost);
}

export function EventList({ filter }: { filter: Record<string, string> }) {
    const { kind = "", with: withSessions = "" } = filter;
    const recent = useLoaded("GET /v1/events/recent", { limit: String(shownMost) }, 300);
    const [seen, setSeen] = useState<ReadonlyArray<Event>>([]);
    useEvents((events) => setSeen((all) => merged(all, events)));
    const kinds: ReadonlyArray<string> = withSessions ? [...rareKinds, ...sessionKinds] : rareKinds;
    const events = merged(recent.data?.events ?? [], seen).filter(
        (each) => kinds.includes(each.kind) && (!kind || each.kind === kind),
    );
    const set = (more: Record<string, string>) => replace({ view: "events", rest: [], filter: { ...filter, ...more } });
    return (
        <>
            <h1>Events</h1>
            <div class="filter">
                <label>
                    Kind{" "}
                    <select value={kind} onChange={(event) => set({ kind: event.currentTarget.value })}>
                        <option value="">all kinds</option>
                        {kinds.map((each) => (
                            <option value={each} key={each}>
                                {each.replaceAll("_", " ")}
                            </option>
                        ))}
                    </select>
                </label>
                <label>
                    <input
                        type="checkbox"
                        checked={withSessions !== ""}
                        onChange={(event) => set({ with: event.currentTarget.checked ? "sessions" : "" })}
                    />{" "}
                    sessions and transfers, too
                </label>
            </div>
            <Problem text={recent.problem} />
            <ul class="lines">
                {events.map((each) => (
                    <EventLine event={each} key={each.id} />
                ))}
            </ul>
            {recent.data && events.length === 0 && <Empty>Nothing of this kind has happened.</Empty>}
        </>
    );
}
