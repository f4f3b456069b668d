// SPDX-License-Identifier: Apache-2.0
// Who is connected. All sessions are asked for once; then events keep them up to date.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { hash, replace } from "./address.ts";
import { act, get, Refusal, type Event } from "./api.ts";
import { ask, perform } from "./dialog.tsx";
import { bytes, count, counted } from "./format.ts";
import { useEvents, useResync } from "./live.ts";
import { Mark, Name, Problem, Time } from "./marks.tsx";
import { afterEvents, found, rowFields, type Row, type Rows } from "./session_list.ts";
import { Table, type Column } from "./table.tsx";

/** More would take long. Search asks Ballast then. */
export const rowsMost = 20_000;
const pageSize = "1000";
/** How often the list changes on the screen. */
const coalesced = 500;

interface List {
    rows: Rows;
    isWhole: boolean;
    isLoading: boolean;
    problem: string;
}

/** All sessions, page by page, and from then on what events say. */
function useSessions(): List {
    const [list, setList] = useState<List>({ rows: new Map(), isWhole: true, isLoading: true, problem: "" });
    const waiting = useRef<Event[]>([]);
    const run = useRef(0);
    const isLoading = useRef(true);

    const load = async () => {
        const mine = ++run.current;
        isLoading.current = true;
        const rows = new Map<string, Row>();
        let next: string | undefined = "";
        try {
            do {
                const answer: { sessions: Row[]; next?: string } = await get("GET /v1/sessions", {
                    fields: rowFields.join(","),
                    limit: pageSize,
                    ...(next ? { after: next } : {}),
                });
                if (mine !== run.current) return;
                for (const each of answer.sessions) rows.set(each.id, each);
                next = answer.next;
            } while (next && rows.size < rowsMost);
            // The events since the first page: most are in the rows already.
            const whole = afterEvents(rows, waiting.current, false);
            waiting.current = [];
            isLoading.current = false;
            setList({ rows: whole, isWhole: !next, isLoading: false, problem: "" });
        } catch (why) {
            if (mine !== run.current) return;
            isLoading.current = false;
            // Without an answer, the stream comes back and asks again.
            if (why instanceof Refusal) setList((now) => ({ ...now, isLoading: false, problem: why.message }));
        }
    };
    useEffect(() => {
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
    }, []);
    useEvents((events) => waiting.current.push(...events.filter((each) => each.session !== undefined)));
    useResync(() => void load());
    return list;
}

/** What Ballast itself finds, where this page does not have all sessions. */
function useFoundByBallast(search: string, isNeeded: boolean): Row[] {
    const [rows, setRows] = useState<Row[]>([]);
    useEffect(() => {
        setRows([]);
        if (!isNeeded || !search) return;
        const timer = setTimeout(() => {
            const fields = rowFields.join(",");
            const like = `*${search}*`;
            const wishes = (["user", "client", "id"] as const).map((each) =>
                get("GET /v1/sessions", { fields, limit: "200", [each]: like }),
            );
            void Promise.allSettled(wishes).then((answers) => {
                const all = new Map<string, Row>();
                for (const answer of answers)
                    if (answer.status === "fulfilled") for (const each of answer.value.sessions) all.set(each.id, each);
                setRows([...all.values()]);
            });
        }, coalesced);
        return () => clearTimeout(timer);
    }, [search, isNeeded]);
    return rows;
}

export function Sessions({ filter, mayChange }: { filter: Record<string, string>; mayChange: boolean }) {
    const { search = "", backend = "" } = filter;
    const list = useSessions();
    const more = useFoundByBallast(search, !list.isWhole);
    const rows = useMemo(() => {
        const here = found(list.rows, search, backend);
        const ids = new Set(here.map((each) => each.id));
        return [...here, ...more.filter((each) => !ids.has(each.id))];
    }, [list.rows, search, backend, more]);
    const set = (change: Record<string, string>) => replace({ view: "sessions", rest: [], filter: { ...filter, ...change } });
    const end = async (of: Row) => {
        const text = `Session ${of.id} of ${of.user || "nobody"} from ${of.client} ends at once, and its transfer breaks. This cannot be undone.`;
        if (await ask({ title: "End this session?", text, verb: "End session", isHarsh: true }))
            await perform(() => act("DELETE /v1/sessions/{session}", [of.id], undefined), `Session ${of.id} has ended.`);
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
                        placeholder="user, address, session, backend"
                        onInput={(event) => set({ search: event.currentTarget.value })}
                    />
                </label>
                {backend && (
                    <button type="button" onClick={() => set({ backend: "" })}>
                        only of <Name text={backend} /> <span aria-hidden="true">×</span>
                        <span class="unseen">: show those of all backends</span>
                    </button>
                )}
                <span class="soft" role="status">
                    {(search || backend) && !list.isLoading && `${counted(rows.length, "session")} found`}
                </span>
                <a href={hash("stories")}>Ended sessions</a>
            </div>
            {!list.isWhole && (
                <p class="soft">
                    The first {count(rowsMost)} sessions are shown. Search asks Ballast for the others.
                </p>
            )}
            <Problem text={list.problem} />
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
