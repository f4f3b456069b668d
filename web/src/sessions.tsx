// SPDX-License-Identifier: Apache-2.0
// Who is connected. All sessions are asked for once; then events keep them up to date. Those of other
// nodes are asked for again and again.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { hash, replace } from "./address.ts";
import { act, get, Refusal, type Event } from "./api.ts";
import { ask, perform } from "./dialog.tsx";
import { bytes, count, counted } from "./format.ts";
import { useEvents, useResync } from "./live.ts";
import { Mark, Name, Problem, Time } from "./marks.tsx";
import { askedAgain, MissingNodes, NodeChoice, nodeColumn, ofNodes, wantsAllNodes, type Unanswered } from "./node_choice.tsx";
import { afterEvents, found, rowFields, type Row, type Rows } from "./session_list.ts";
import { Table, type Column } from "./table.tsx";

/** More would take long. Search asks Ballast then. */
export const rowsMost = 20_000;
const pageSize = "1000";
/** How often the list changes on the screen. */
const coalesced = 500;
/** A list of all nodes that takes long is work for all of them: it is asked for less often. */
const restAfterLoad = 20;
const restMost = 30_000;

interface List {
    rows: Rows;
    isWhole: boolean;
    isLoading: boolean;
    problem: string;
    unanswered: ReadonlyArray<Unanswered>;
}

const nothingYet: List = { rows: new Map(), isWhole: true, isLoading: true, problem: "", unanswered: [] };

/** All sessions, page by page. From then on what events say, or of all nodes the same again. */
function useSessions(isAll: boolean): List & { reload: () => void } {
    const [list, setList] = useState<List>(nothingYet);
    const waiting = useRef<Event[]>([]);
    const run = useRef(0);
    const isLoading = useRef(true);

    /** Whether it is known how long the list takes: nobody was waited for. */
    const load = async (): Promise<boolean> => {
        const mine = ++run.current;
        isLoading.current = true;
        const rows = new Map<string, Row>();
        const unanswered = new Map<string, Unanswered>();
        let next: string | undefined = "";
        try {
            do {
                const answer: { sessions: Row[]; unanswered?: Unanswered[]; next?: string } = await get("GET /v1/sessions", {
                    fields: rowFields.join(","),
                    limit: pageSize,
                    ...ofNodes(isAll),
                    ...(next ? { after: next } : {}),
                });
                if (mine !== run.current) return false;
                for (const each of answer.sessions) rows.set(each.id, each);
                for (const each of answer.unanswered ?? []) unanswered.set(each.node, each);
                next = answer.next;
            } while (next && rows.size < rowsMost);
            // The events since the first page: most are in the rows already.
            const whole = isAll ? rows : afterEvents(rows, waiting.current, false);
            waiting.current = [];
            isLoading.current = false;
            setList({ rows: whole, isWhole: !next, isLoading: false, problem: "", unanswered: [...unanswered.values()] });
            return unanswered.size === 0;
        } catch (why) {
            if (mine !== run.current) return false;
            isLoading.current = false;
            // Without an answer, the stream comes back and asks again.
            if (why instanceof Refusal) setList((now) => ({ ...now, isLoading: false, problem: why.message }));
            return false;
        }
    };
    useEffect(() => {
        setList(nothingYet);
        if (isAll) {
            let timer: ReturnType<typeof setTimeout> | undefined;
            let isOver = false;
            const loadAndRest = async () => {
                const began = Date.now();
                const isKnown = !document.hidden && (await load());
                const took = isKnown ? Date.now() - began : 0;
                const rest = Math.min(restMost, Math.max(askedAgain * 1000, took * restAfterLoad));
                if (!isOver) timer = setTimeout(() => void loadAndRest(), rest);
            };
            void loadAndRest();
            return () => {
                isOver = true;
                ++run.current;
                clearTimeout(timer);
            };
        }
        void load();
        const timer = setInterval(() => {
            if (isLoading.current || waiting.current.length === 0) return;
            const events = waiting.current;
            waiting.current = [];
            setList((now) => ({ ...now, rows: afterEvents(now.rows, events) }));
        }, coalesced);
        return () => {
            ++run.current;
            clearInterval(timer);
        };
    }, [isAll]);
    useEvents((events) => {
        if (!isAll) waiting.current.push(...events.filter((each) => each.session !== undefined));
    });
    useResync(() => void load());
    return { ...list, reload: () => void load() };
}

/** What Ballast itself finds, where this page does not have all sessions. */
function useFoundByBallast(search: string, isAll: boolean, isNeeded: boolean): Row[] {
    const [rows, setRows] = useState<Row[]>([]);
    useEffect(() => {
        setRows([]);
        if (!isNeeded || !search) return;
        const timer = setTimeout(() => {
            const fields = rowFields.join(",");
            const like = `*${search}*`;
            const wishes = (["user", "client", "id"] as const).map((each) =>
                get("GET /v1/sessions", { fields, limit: "200", ...ofNodes(isAll), [each]: like }),
            );
            void Promise.allSettled(wishes).then((answers) => {
                const all = new Map<string, Row>();
                for (const answer of answers)
                    if (answer.status === "fulfilled") for (const each of answer.value.sessions) all.set(each.id, each);
                setRows([...all.values()]);
            });
        }, coalesced);
        return () => clearTimeout(timer);
    }, [search, isAll, isNeeded]);
    return rows;
}

export function Sessions({ filter, mayChange }: { filter: Record<string, string>; mayChange: boolean }) {
    const { search = "", backend = "" } = filter;
    const isAll = wantsAllNodes(filter);
    const list = useSessions(isAll);
    const more = useFoundByBallast(search, isAll, !list.isWhole);
    const rows = useMemo(() => {
        const here = found(list.rows, search, backend);
        const ids = new Set(here.map((each) => each.id));
        return [...here, ...more.filter((each) => !ids.has(each.id))];
    }, [list.rows, search, backend, more]);
    const set = (change: Record<string, string>) => replace({ view: "sessions", rest: [], filter: { ...filter, ...change } });
    const end = async (of: Row) => {
        const text = `Session ${of.id} of ${of.user || "nobody"} from ${of.client} ends at once, and its transfer breaks. This cannot be undone.`;
        if (!(await ask({ title: "End this session?", text, verb: "End session", isHarsh: true }))) return;
        const where = of.node === undefined ? {} : { node: of.node };
        await perform(() => act("DELETE /v1/sessions/{session}", [of.id], undefined, where), `Session ${of.id} has ended.`);
        if (isAll) list.reload();
    };
    const columns: Column<Row>[] = [
        {
            title: "User",
            width: "minmax(8rem, 2.4fr)",
            cell: (each) => (
                <a href={hash("sessions", [each.id])}>
                    <Name text={each.user} none="not logged in" />
                </a>
            ),
        },
        { title: "Client", width: "minmax(10.5rem, 1fr)", cell: (each) => <Name text={each.client} /> },
        ...(isAll ? [nodeColumn<Row>()] : []),
        { title: "Backend", width: "minmax(5rem, 1fr)", cell: (each) => <Name text={each.backend} /> },
        { title: "Listener", width: "minmax(4rem, .7fr)", cell: (each) => <Name text={each.listener} /> },
        {
            title: "Does",
            width: "7.5rem",
            cell: (each) => (each.transferring ? <Mark level="good">transfers</Mark> : <Mark level="idle">waits</Mark>),
        },
        { title: "Transfers", width: "5rem", isNumber: true, cell: (each) => count(each.transfers) },
        { title: "Bytes", width: "5.2rem", isNumber: true, cell: (each) => bytes(each.bytes) },
        { title: "Since", width: "10.5rem", isNumber: true, cell: (each) => <Time at={each.began} /> },
        { title: "Session", width: "7.5rem", cell: (each) => <Name text={each.id} /> },
    ];
    if (mayChange)
        columns.push({
            title: "Actions",
            width: "4rem",
            cell: (each) => (
                <button type="button" aria-label={`End session ${each.id}`} onClick={() => void end(each)}>
                    End
                </button>
            ),
        });
    return (
        <>
            <h1>
                Sessions <span class="figure">{list.isLoading ? "…" : count(list.rows.size)}</span>
            </h1>
            <div class="filter">
                <label>
                    Search{" "}
                    <input
                        type="search"
                        value={search}
                        placeholder={isAll ? "user, address, backend, node" : "user, address, session, backend"}
                        onInput={(event) => set({ search: event.currentTarget.value })}
                    />
                </label>
                <NodeChoice isAll={isAll} set={set} />
                {backend && (
                    <button type="button" onClick={() => set({ backend: "" })}>
                        only of <Name text={backend} /> <span aria-hidden="true">×</span>
                        <span class="unseen">: show those of all backends</span>
                    </button>
                )}
                <span class="soft" role="status">
                    {(search || backend) && !list.isLoading && `${counted(rows.length, "session")} found`}
                </span>
                <a href={hash("stories", [], isAll ? { node: "all" } : {})}>Ended sessions</a>
            </div>
            {!list.isWhole && (
                <p class="soft">
                    The first {count(rowsMost)} sessions are shown. Search asks Ballast for the others.
                </p>
            )}
            <Problem text={list.problem} />
            <MissingNodes nodes={list.unanswered} />
            <Table
                label="Sessions"
                columns={columns}
                rows={rows}
                keyOf={(each) => each.id}
                empty={list.isLoading ? "Asking Ballast…" : search || backend ? "No session has that in its names." : "No sessions now."}
            />
        </>
    );
}
