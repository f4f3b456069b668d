// SPDX-License-Identifier: Apache-2.0
// Pools and their backends: state, cause, traffic, and what can be done.
import type { Answers } from "api_types";
import type { Backend, Pool } from "./api.ts";
import { hash } from "./address.ts";
import { BackendActions } from "./backend_actions.tsx";
import { count, counted, rate, roughly, short } from "./format.ts";
import { useClock, useLoaded } from "./live.ts";
import { Empty, Mark, Name, Problem } from "./marks.tsx";
import { conditionOf, levelOf } from "./sentence.ts";
import { Sparkline } from "./sparkline.tsx";
import { Table, type Column } from "./table.tsx";

const backendKinds = [
    "backend_up", "backend_down", "backend_ejected", "backend_state", "backend_drained", "balancer_state",
    "reload_applied",
] as const;

type History = Answers["GET /v1/history"];

export function Condition({ backend, now }: { backend: Backend; now: number }) {
    const condition = conditionOf(backend);
    const isByHand = condition === "draining" || condition === "disabled" || condition === "weight 0";
    const since =
        !isByHand && backend.health_since
            ? ` for ${roughly((now - Date.parse(backend.health_since)) / 1000)}`
            : "";
    const also = isByHand && backend.health === "down" ? ", and down" : "";
    return (
        <Mark level={levelOf(condition)}>
            {condition}
            {since}
            {also}
        </Mark>
    );
}

function errorsOf(backend: Backend): string {
    return backend.errors
        .filter((each) => each.count > 0)
        .map((each) => `${count(each.count)} ${each.cause}`)
        .join(", ");
}

function columnsOf(now: number, history: History | undefined, may: boolean, reload: () => void) {
    const ratesOf = (backend: Backend) =>
        history?.backends.find(
            (each) =>
                each.pool === backend.pool && each.backend === backend.backend && each.address === backend.address,
        )?.bytes_per_second ?? [];
    const columns: Column<Backend>[] = [
        {
            title: "Backend",
            width: "minmax(8rem, 1.2fr)",
            cell: (each) => (
                <>
                    <a href={hash("sessions", [], { backend: each.backend })}>
                        <Name text={each.backend} />
                    </a>
                    <small>
                        <Name text={each.address} none="no address" />
                        {each.backup && " · backup"}
                    </small>
                </>
            ),
        },
        {
            title: "State",
            width: "minmax(9rem, 2.5fr)",
            isWide: true,
            cell: (each) => (
                <>
                    <Condition backend={each} now={now} />
                    {each.reason && (
                        <small class="cause">
                            <Name text={each.reason} />
                        </small>
                    )}
                </>
            ),
        },
        {
            title: "Sessions",
            width: "minmax(5.5rem, .6fr)",
            isNumber: true,
            cell: (each) => (each.max_sessions ? `${count(each.sessions)} / ${count(each.max_sessions)}` : count(each.sessions)),
        },
        { title: "Transfers", width: "minmax(4.5rem, .5fr)", isNumber: true, cell: (each) => count(each.transfers) },
        { title: "Rate", width: "minmax(5.5rem, .6fr)", isNumber: true, cell: (each) => rate(each.bytes_per_second) },
        {
            title: "Last minutes",
            width: "minmax(6rem, 1fr)",
            cell: (each) => <Sparkline values={ratesOf(each)} most={Math.max(24, history?.samples.length ?? 0)} />,
        },
        {
            title: "Login takes",
            width: "minmax(5rem, .5fr)",
            isNumber: true,
            cell: (each) => (each.login_seconds > 0 ? short(each.login_seconds) : "–"),
        },
        { title: "Weight", width: "minmax(3.5rem, .4fr)", isNumber: true, cell: (each) => each.weight },
        {
            title: "Failures",
            width: "minmax(5rem, 1fr)",
            cell: (each) => errorsOf(each) || <span class="none">none</span>,
        },
    ];
    if (may)
        columns.push({
            title: "Actions",
            width: "15rem",
            isWide: true,
            cell: (each) => <BackendActions backend={each} reload={reload} />,
        });
    return columns;
}

function PoolFacts({ pool }: { pool: Pool }) {
    const facts = [
        `balance ${pool.balance}`,
        `failover ${pool.failover}`,
        counted(pool.sessions, "session"),
        counted(pool.transfers, "transfer"),
        ...(pool.queue_length > 0 ? [`${count(pool.waiting)} of ${count(pool.queue_length)} places in the queue taken`] : []),
        ...(pool.stick_entries > 0 ? [`${counted(pool.stick_entries, "client")} remembered`] : []),
    ];
    return <p class="facts">{facts.join(" · ")}</p>;
}

export function Backends({ mayChange }: { mayChange: boolean }) {
    const backends = useLoaded("GET /v1/backends", {}, 2, backendKinds);
    const pools = useLoaded("GET /v1/pools", {}, 2, backendKinds);
    const history = useLoaded("GET /v1/history", {}, 5);
    const now = useClock(1);
    const columns = columnsOf(now, history.data, mayChange, backends.reload);
    return (
        <>
            <h1>Pools and backends</h1>
            <Problem text={backends.problem || pools.problem} />
            {pools.data?.pools.length === 0 && <Empty>There are no pools.</Empty>}
            {pools.data?.pools.map((pool) => (
                <section key={pool.pool}>
                    <h2>
                        <Name text={pool.pool} />{" "}
                        <Mark level={pool.can_serve ? (pool.serving < pool.backends ? "warn" : "good") : "bad"}>
                            {pool.serving} of {pool.backends} serve
                        </Mark>
                    </h2>
                    <PoolFacts pool={pool} />
                    <Table
                        label={`Backends of pool ${pool.pool}`}
                        columns={columns}
                        rows={(backends.data?.backends ?? []).filter((each) => each.pool === pool.pool)}
                        keyOf={(each) => `${each.backend} ${each.address}`}
                        empty="This pool has no backends."
                        isLoose
                    />
                </section>
            ))}
        </>
    );
}
