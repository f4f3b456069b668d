// SPDX-License-Identifier: Apache-2.0
// Finds sessions, running and ended ones: "my upload failed at 14:03".
import { useEffect, useState } from "preact/hooks";
import { hash, replace } from "./address.ts";
import type { Story } from "./api.ts";
import { bytes, count } from "./format.ts";
import { useLoaded } from "./live.ts";
import { Mark, Name, Problem, Time } from "./marks.tsx";
import { MissingNodes, NodeChoice, nodeColumn, ofNodes, wantsAllNodes } from "./node_choice.tsx";
import { Table, type Column } from "./table.tsx";

const columns: Column<Story>[] = [
    {
        title: "User",
        width: "minmax(7rem, 1fr)",
        cell: (each) => (
            <a href={hash("sessions", [each.session])}>
                <Name text={each.user} none="not logged in" />
            </a>
        ),
    },
    { title: "Client", width: "minmax(10rem, 1fr)", cell: (each) => <Name text={each.client} /> },
    { title: "Backend", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.backend} /> },
    { title: "Began", width: "10.5rem", cell: (each) => <Time at={each.began_at} /> },
    {
        title: "Transfers",
        width: "10rem",
        cell: (each) =>
            each.failed_transfers > 0 ? (
                <Mark level="bad">
                    {count(each.failed_transfers)} broken of {count(Math.max(each.transfers, each.failed_transfers))}
                </Mark>
            ) : (
                count(each.transfers)
            ),
    },
    { title: "Bytes", width: "6rem", isNumber: true, cell: (each) => bytes(each.bytes) },
    {
        title: "End",
        width: "minmax(12rem, 2.5fr)",
        isWide: true,
        cell: (each) => (each.ended_at ? <Name text={each.reason} none="ended" /> : <Mark level="good">it runs</Mark>),
    },
];

const columnsWithNode = [...columns.slice(0, 2), nodeColumn<Story>(), ...columns.slice(2)];

/** Ballast is not asked for each letter. */
function useSettled<T>(value: T): T {
    const [settled, setSettled] = useState(value);
    useEffect(() => {
        const timer = setTimeout(() => setSettled(value), 400);
        return () => clearTimeout(timer);
    }, [value]);
    return settled;
}

export function Stories({ filter }: { filter: Record<string, string> }) {
    const isAll = wantsAllNodes(filter);
    const { user = "", client = "", file = "", backend = "", failed = "" } = filter;
    const wish = useSettled(JSON.stringify({ user, client, file, backend, failed, limit: "200", ...ofNodes(isAll) }));
    const loaded = useLoaded("GET /v1/explain", JSON.parse(wish) as Record<string, string>, 15);
    const set = (name: string, value: string) =>
        replace({ view: "stories", rest: [], filter: { ...filter, [name]: value } });
    const field = (name: string, title: string, value: string, hint: string) => (
        <label>
            {title}{" "}
            <input type="search" value={value} placeholder={hint} onInput={(event) => set(name, event.currentTarget.value)} />
        </label>
    );
    return (
        <>
            <h1>Running and ended sessions</h1>
            <div class="filter">
                {field("user", "User", user, "exactly")}
                {field("client", "Client", client, "192.0.2.7")}
                {field("file", "File", file, "report*.csv")}
                {field("backend", "Backend", backend, "exactly")}
                <label>
                    <input
                        type="checkbox"
                        checked={failed === "true"}
                        onChange={(event) => set("failed", event.currentTarget.checked ? "true" : "")}
                    />{" "}
                    with a broken transfer
                </label>
                <NodeChoice isAll={isAll} set={({ node }) => set("node", node)} />
            </div>
            <Problem text={loaded.problem} />
            <MissingNodes nodes={loaded.data?.unanswered} />
            <Table
                label="Running and ended sessions"
                columns={isAll ? columnsWithNode : columns}
                rows={loaded.data?.stories ?? []}
                keyOf={(each) => each.session}
                empty={loaded.data ? "No session that is kept matches." : "Asking Ballast…"}
            />
        </>
    );
}
