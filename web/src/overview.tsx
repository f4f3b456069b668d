// SPDX-License-Identifier: Apache-2.0
// In this order: is anything wrong, who is affected, since when, what can I do about it.
import { useMemo } from "preact/hooks";
import type { Certificate, Limit, Story } from "./api.ts";
import { hash } from "./address.ts";
import { Condition } from "./backends.tsx";
import { Chart } from "./chart.tsx";
import { EventLine } from "./event_list.tsx";
import { rareKinds } from "./follower.ts";
import { count, counted, cut, rate, visible } from "./format.ts";
import { useClock, useLoaded } from "./live.ts";
import { Bar, Empty, Mark, Name, Problem, Time } from "./marks.tsx";
import { sentenceOf } from "./sentence.ts";

const near = 0.8;
const expiresSoon = 30;

/** The limits of which most is in use, the fullest first. */
export function nearLimits(limits: ReadonlyArray<Limit>): Limit[] {
    const share = (each: Limit) => (each.in_use ?? 0) / each.value;
    return limits
        .filter((each) => each.value > 0 && each.in_use !== null && share(each) >= near)
        .sort((one, other) => share(other) - share(one));
}

export function nearExpiry(certificates: ReadonlyArray<Certificate>): Certificate[] {
    return certificates
        .filter((each) => each.days_left < expiresSoon)
        .sort((one, other) => one.days_left - other.days_left);
}

function Failures({ stories }: { stories: ReadonlyArray<Story> }) {
    return (
        <ul class="lines">
            {stories.map((story) => (
                <li key={story.session}>
                    <Mark level="bad">
                        <Name text={story.user} none="nobody" />
                    </Mark>{" "}
                    <a href={hash("sessions", [story.session])}>{counted(story.failed_transfers, "broken transfer")}</a>{" "}
                    at <Name text={story.backend} none="no backend" />,{" "}
                    {story.entries.at(-1) && <Time at={story.entries.at(-1)!.at} />}
                    <small>
                        <Name text={cut(story.entries.at(-1)?.text ?? "", 150)} none="" />
                    </small>
                </li>
            ))}
        </ul>
    );
}

function Limits({ limits }: { limits: ReadonlyArray<Limit> }) {
    return (
        <ul class="lines">
            {limits.map((each) => (
                <li key={`${each.key} ${each.listener}`}>
                    <Mark level={(each.in_use ?? 0) >= each.value ? "bad" : "warn"}>
                        <Name text={each.key} />
                    </Mark>{" "}
                    {each.listener && (
                        <>
                            of <Name text={each.listener} />{" "}
                        </>
                    )}
                    <span class="figure">
                        {count(each.in_use ?? 0)} of {count(each.value)}
                    </span>
                    <Bar part={each.in_use ?? 0} whole={each.value} label={`${each.key}: ${each.in_use} of ${each.value}`} />
                </li>
            ))}
        </ul>
    );
}

export function CertificateOwner({ of }: { of: Certificate }) {
    return of.listener ? (
        <>
            listener <Name text={of.listener} />
        </>
    ) : (
        <>
            backend <Name text={of.backend} />
        </>
    );
}

export function daysLeft(days: number): string {
    if (days < 0) return `expired ${counted(-days, "day")} ago`;
    return days === 0 ? "expires today" : `expires in ${counted(days, "day")}`;
}

export function Overview() {
    const state = useLoaded("GET /v1/state", {}, 2, ["balancer_state"]);
    const kinds = ["backend_up", "backend_down", "backend_ejected", "backend_state", "reload_applied"] as const;
    const backends = useLoaded("GET /v1/backends", {}, 2, kinds);
    const pools = useLoaded("GET /v1/pools", {}, 5, kinds);
    const history = useLoaded("GET /v1/history", {}, 5);
    const limits = useLoaded("GET /v1/limits", {}, 5, ["limit_reached"]);
    const certificates = useLoaded("GET /v1/certificates", {}, 60, ["certificate_replaced", "certificate_expires", "reload_applied"]);
    const failures = useLoaded("GET /v1/explain", { failed: "true", limit: "5" }, 15);
    const recent = useLoaded("GET /v1/events/recent", { limit: "12" }, 60, rareKinds);
    const now = useClock(1);

    const samples = history.data?.samples;
    const charts = useMemo(() => {
        const all = samples ?? [];
        return {
            times: all.map((each) => Date.parse(each.at) / 1000),
            rates: all.map((each) => each.bytes_per_second),
            sessions: all.map((each) => each.sessions),
            transfers: all.map((each) => each.transfers),
        };
    }, [samples]);

    const isLoaded = state.data && backends.data && pools.data;
    const sentence = isLoaded && sentenceOf(state.data!.state, backends.data!.backends, pools.data!.pools, now);
    const limitsNear = nearLimits(limits.data?.limits ?? []);
    const expiring = nearExpiry(certificates.data?.certificates ?? []);
    return (
        <>
            <h1 class="unseen">Overview</h1>
            {sentence ? (
                <p class={`sentence ${sentence.level}`} role="status">
                    <Mark level={sentence.level}>{visible(sentence.text)}</Mark>
                </p>
            ) : (
                <p class="sentence idle">Asking Ballast…</p>
            )}
            <Problem text={state.problem || backends.problem || pools.problem} />
            <div class="charts">
                <Chart title="Throughput" times={charts.times} values={charts.rates} text={rate} isBytes />
                <Chart title="Sessions" times={charts.times} values={charts.sessions} text={count} />
                <Chart title="Transfers" times={charts.times} values={charts.transfers} text={count} />
            </div>
            <div class="panels">
                <section>
                    <h2>
                        <a href={hash("backends")}>Backends</a>
                    </h2>
                    <ul class="lines">
                        {backends.data?.backends.map((each) => (
                            <li key={`${each.pool} ${each.backend} ${each.address}`} class="split">
                                <span>
                                    <a href={hash("sessions", [], { backend: each.backend })}>
                                        <Name text={each.backend} />
                                    </a>{" "}
                                    <Condition backend={each} now={now} />
                                </span>
                                <span class="figure">
                                    {counted(each.sessions, "session")}, {rate(each.bytes_per_second)}
                                </span>
                            </li>
                        ))}
                    </ul>
                    {backends.data?.backends.length === 0 && <Empty>There are no backends.</Empty>}
                </section>
                <section>
                    <h2>
                        <a href={hash("stories", [], { failed: "true" })}>Broken transfers</a>
                    </h2>
                    <Failures stories={failures.data?.stories ?? []} />
                    {failures.data?.stories.length === 0 && <Empty>No broken transfers are known.</Empty>}
                    <Problem text={failures.problem} />
                </section>
                <section>
                    <h2>
                        <a href={hash("limits")}>Limits that are near</a>
                    </h2>
                    <Limits limits={limitsNear} />
                    {limits.data && limitsNear.length === 0 && <Empty>No limit is near.</Empty>}
                </section>
                <section>
                    <h2>
                        <a href={hash("certificates")}>Certificates that expire</a>
                    </h2>
                    <ul class="lines">
                        {expiring.map((each) => (
                            <li key={`${each.listener} ${each.pool} ${each.backend} ${each.file}`}>
                                <Mark level={each.days_left < 7 ? "bad" : "warn"}>{daysLeft(each.days_left)}</Mark>{" "}
                                <CertificateOwner of={each} />
                            </li>
                        ))}
                    </ul>
                    {certificates.data && expiring.length === 0 && <Empty>None within {expiresSoon} days.</Empty>}
                </section>
                <section class="wide">
                    <h2>
                        <a href={hash("events")}>Recent events</a>
                    </h2>
                    <ul class="lines">
                        {[...(recent.data?.events ?? [])].reverse().map((each) => (
                            <EventLine event={each} key={each.id} />
                        ))}
                    </ul>
                    {recent.data?.events.length === 0 && <Empty>Nothing has happened since Ballast was started.</Empty>}
                </section>
            </div>
        </>
    );
}
