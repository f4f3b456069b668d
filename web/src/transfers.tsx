// SPDX-License-Identifier: Apache-2.0
// What is on its way now, how far it is, and whether it has stalled.
import { useRef, useState } from "preact/hooks";
import { hash, replace } from "./address.ts";
import { act, type Event, type Transfer } from "./api.ts";
import { ask, perform } from "./dialog.tsx";
import { bytes, count, counted, rate, roughly, short, span } from "./format.ts";
import { useEvents, useLoaded } from "./live.ts";
import { Bar, Mark, Name, Problem, Time } from "./marks.tsx";
import { askedAgain, MissingNodes, NodeChoice, nodeColumn, ofNodes, wantsAllNodes } from "./node_choice.tsx";
import { Table, type Column } from "./table.tsx";

/** How long no byte may move before a transfer counts as stalled. */
const stallAfter = 3;

interface Progress {
    bytes: number;
    /** When a byte moved last, as far as this page has seen. */
    movedAt: number;
}

/** Which transfers move, from one answer to the next. */
export function progressAfter(
    before: ReadonlyMap<string, Progress>,
    transfers: ReadonlyArray<Pick<Transfer, "session" | "bytes">>,
    now: number,
): Map<string, Progress> {
    const after = new Map<string, Progress>();
    for (const { session, bytes } of transfers) {
        const known = before.get(session);
        after.set(session, known && known.bytes === bytes ? known : { bytes, movedAt: now });
    }
    return after;
}

function ProgressCell({ of }: { of: Transfer }) {
    const far = of.size === null ? bytes(of.bytes) : `${bytes(of.bytes)} of ${bytes(of.size)}`;
    const percent = of.size ? `, ${Math.floor((of.bytes / of.size) * 100)} %` : "";
    return (
        <div class="progress">
            {of.size !== null && <Bar part={of.bytes} whole={of.size} label={`${of.file || of.verb}: ${far}`} />}
            <span class="figure">
                {far}
                {percent}
            </span>
            {of.pauses > 0 && (
                <span class="soft">
                    {counted(of.pauses, "pause")}, {short(of.paused_seconds)}
                </span>
            )}
        </div>
    );
}

/** Who carries the data, unless Ballast relays them. */
export function carrierOf(path: string): string {
    return path === "kernel" ? "by the kernel" : path === "direct" ? "past Ballast" : "";
}

const endedMost = 20;

function Ended({ events, isAll }: { events: ReadonlyArray<Event>; isAll: boolean }) {
    const columns: Column<Event>[] = [
        { title: "File", width: "minmax(10rem, 2fr)", cell: (each) => <Name text={each.file ?? ""} none={each.verb ?? "listing"} /> },
        {
            title: "Result",
            width: "minmax(9rem, 2fr)",
            isWide: true,
            cell: (each) => (
                <>
                    <Mark level={each.result === "whole" ? "good" : "bad"}>{each.result}</Mark>
                    {each.reason && (
                        <small class="cause">
                            <Name text={each.reason} />
                        </small>
                    )}
                </>
            ),
        },
        { title: "User", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.user ?? ""} /> },
        { title: "Backend", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.backend ?? ""} /> },
        { title: "Bytes", width: "6rem", isNumber: true, cell: (each) => bytes(each.bytes ?? 0) },
        { title: "Took", width: "6rem", isNumber: true, cell: (each) => short(each.seconds ?? 0) },
        {
            title: "Ended",
            width: "8rem",
            cell: (each) => (
                <a href={hash("sessions", [each.session ?? ""])}>
                    <Time at={each.at} />
                </a>
            ),
        },
    ];
    return (
        <section>
            <h2>Ended while you watch{isAll && ", at this node"}</h2>
            <Table
                label="Transfers that have ended"
                columns={columns}
                rows={events}
                keyOf={(each) => each.id}
                empty="None yet."
                isLoose
            />
        </section>
    );
}

export function Transfers({ filter, mayChange }: { filter: Record<string, string>; mayChange: boolean }) {
    const { search = "" } = filter;
    const isAll = wantsAllNodes(filter);
    const loaded = useLoaded(
        "GET /v1/transfers",
        ofNodes(isAll),
        isAll ? askedAgain : 2,
        isAll ? [] : ["transfer_began", "transfer_ended"],
    );
    const progress = useRef<Map<string, Progress>>(new Map());
    const answer = useRef(loaded.data);
    const answeredAt = useRef(0);
    const [ended, setEnded] = useState<ReadonlyArray<Event>>([]);
    useEvents((events) => {
        const here = events.filter((each) => each.kind === "transfer_ended").reverse();
        if (here.length > 0) setEnded((all) => [...here, ...all].slice(0, endedMost));
    });
    if (loaded.data && answer.current !== loaded.data) {
        answer.current = loaded.data;
        answeredAt.current = Date.now();
        progress.current = progressAfter(progress.current, loaded.data.transfers, answeredAt.current);
    }
    const end = async (of: Transfer) => {
        const text = `${of.verb} ${of.file} of ${of.user} breaks, and the session goes on. This cannot be undone.`;
        if (await ask({ title: "End this transfer?", text, verb: "End transfer", isHarsh: true })) {
            const where = isAll ? { node: of.node } : {};
            await perform(() => act("DELETE /v1/transfers/{session}", [of.session], undefined, where), "The transfer has ended.");
            loaded.reload();
        }
    };
    const set = (change: Record<string, string>) => replace({ view: "transfers", rest: [], filter: { ...filter, ...change } });
    // As of the latest answer: until the next one, nobody knows.
    const stalledOf = ({ session }: Transfer) =>
        (answeredAt.current - (progress.current.get(session)?.movedAt ?? answeredAt.current)) / 1000;
    const columns: Column<Transfer>[] = [
        {
            title: "File",
            width: "minmax(8rem, 2.2fr)",
            cell: (each) => (
                <a href={hash("sessions", [each.session])}>
                    <Name text={each.file} none={each.verb} />
                </a>
            ),
        },
        {
            title: "Direction",
            width: "6.5rem",
            cell: (each) => (
                <>
                    <span aria-hidden="true">{each.direction === "upload" ? "↑" : each.direction === "download" ? "↓" : "·"}</span>{" "}
                    {each.direction}
                    {carrierOf(each.path) && <small class="cause">{carrierOf(each.path)}</small>}
                </>
            ),
        },
        { title: "User", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.user} /> },
        ...(isAll ? [nodeColumn<Transfer>()] : []),
        { title: "Backend", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.backend} /> },
        {
            title: "Progress",
            width: "minmax(22rem, 3fr)",
            isWide: true,
            cell: (each) => <ProgressCell of={each} />,
        },
        { title: "Rate", width: "6.5rem", isNumber: true, cell: (each) => rate(each.bytes_per_second) },
        {
            title: "Left",
            width: "8.5rem",
            isNumber: true,
            cell: (each) =>
                stalledOf(each) >= stallAfter ? (
                    <Mark level="warn">stalled {roughly(stalledOf(each))}</Mark>
                ) : each.seconds_left === null ? (
                    "–"
                ) : (
                    span(each.seconds_left)
                ),
        },
    ];
    if (mayChange)
        columns.push({
            title: "Actions",
            width: "5rem",
            cell: (each) => (
                <button type="button" aria-label={`End the transfer of session ${each.session}`} onClick={() => void end(each)}>
                    End
                </button>
            ),
        });
    const text = search.trim().toLowerCase();
    const all = loaded.data?.transfers ?? [];
    const rows = all.filter((each) =>
        [each.file, each.user, each.backend, each.client, each.session, each.node ?? ""].some((name) =>
            name.toLowerCase().includes(text),
        ),
    );
    return (
        <>
            <h1>
                Transfers <span class="figure">{count(all.length)}</span>
            </h1>
            <div class="filter">
                <label>
                    Search{" "}
                    <input
                        type="search"
                        value={search}
                        placeholder="file, user, backend, address"
                        onInput={(event) => set({ search: event.currentTarget.value })}
                    />
                </label>
                <NodeChoice isAll={isAll} set={set} />
            </div>
            <Problem text={loaded.problem} />
            <MissingNodes nodes={loaded.data?.unanswered} />
            {loaded.data?.next && <p class="soft">The first {count(all.length)} transfers are shown.</p>}
            <Table
                label="Transfers"
                columns={columns}
                rows={rows}
                keyOf={(each) => each.session}
                empty={loaded.data ? (text ? "No transfer has that in its names." : "No transfers now.") : "Asking Ballast…"}
            />
            <Ended events={ended} isAll={isAll} />
        </>
    );
}
