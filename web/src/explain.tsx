// SPDX-License-Identifier: Apache-2.0
// The story of one session as a time line.
import type { Answers } from "api_types";
import { hash } from "./address.ts";
import { bytes, counted, short, span } from "./format.ts";
import { useClock, useLoaded } from "./live.ts";
import { Empty, Mark, Name, Problem, Time } from "./marks.tsx";
import type { Level } from "./sentence.ts";

type Entry = Answers["GET /v1/sessions/{session}/explain"]["entries"][number];

const failures = new Set([
    "tls_failed", "no_backend", "attempt_failed", "login_refused", "bad_line", "limit", "banned", "backend_lost",
    "not_moved", "seat_recalled",
]);
const milestones = new Set(["accepted", "chosen", "connected", "logged_in", "moved", "resumed", "tls_began"]);
/** They explain the choice, and are many. */
const details = new Set(["candidate", "not_candidate", "more_candidates"]);

export function levelOfEntry(entry: Pick<Entry, "what" | "fields">): Level {
    if (entry.what === "transfer") return entry.fields.result === "whole" ? "good" : "bad";
    if (entry.what === "command") {
        const code = Number(entry.fields.code);
        return code >= 400 ? "warn" : "idle";
    }
    if (failures.has(entry.what)) return "bad";
    return milestones.has(entry.what) ? "good" : "idle";
}

function Line({ entry }: { entry: Entry }) {
    const level = levelOfEntry(entry);
    return (
        <li class={`entry ${level}${details.has(entry.what) ? " detail" : ""}`}>
            <span class="when">
                <Time at={entry.at} />
                <small>+{short(entry.after)}</small>
            </span>
            <Mark level={level}>{entry.what.replaceAll("_", " ")}</Mark>
            <span class="told">
                <Name text={entry.text} />
            </span>
        </li>
    );
}

export function Explain({ session }: { session: string }) {
    const loaded = useLoaded("GET /v1/sessions/{session}/explain", {}, 2, [], [session]);
    const now = useClock(1);
    const story = loaded.data;
    if (!story)
        return (
            <>
                <h1>
                    Session <Name text={session} />
                </h1>
                <Problem text={loaded.problem} />
                {!loaded.problem && <Empty>Asking Ballast…</Empty>}
            </>
        );
    // A session is found wherever it is. The way back leads to where it is listed.
    const from = story.node ? { node: "all" } : undefined;
    const end = story.ended_at ? Date.parse(story.ended_at) : now;
    const took = span((end - Date.parse(story.began_at)) / 1000);
    const facts: [string, preact.ComponentChildren][] = [
        ["User", <Name text={story.user} none="not logged in" />],
        ["Client", <Name text={story.client} />],
        ["Listener", <Name text={story.listener} />],
        ["Pool", <Name text={story.pool} />],
        ["Backend", <Name text={story.backend} />],
        ...(story.node ? [["Node", <Name text={story.node} />] as [string, preact.ComponentChildren]] : []),
        ["Began", <Time at={story.began_at} />],
        ["Transfers", `${counted(story.transfers, "transfer")}, ${bytes(story.bytes)}`],
    ];
    return (
        <>
            <p>
                <a href={hash("sessions", [], from)}>Sessions</a> / <a href={hash("stories", [], from)}>Ended sessions</a>
            </p>
            <h1>
                Session <Name text={session} />
            </h1>
            <p class="sentence-small">
                {story.ended_at ? (
                    <Mark level={story.failed_transfers > 0 ? "bad" : "idle"}>
                        ended after {took}: <Name text={story.reason} none="no reason is known" />
                    </Mark>
                ) : (
                    <Mark level="good">runs for {took}</Mark>
                )}{" "}
                {story.failed_transfers > 0 && (
                    <Mark level="bad">{counted(story.failed_transfers, "broken transfer")}</Mark>
                )}
            </p>
            <dl class="pairs">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
            <ol class="story" aria-label="What happened">
                {story.entries.map((entry, i) => (
                    <Line entry={entry} key={i} />
                ))}
            </ol>
        </>
    );
}
