// SPDX-License-Identifier: Apache-2.0
// The balancers that share a store, and whether each is heard of.
import type { Answers } from "api_types";
import { count, roughly } from "./format.ts";
import { useLoaded } from "./live.ts";
import { Mark, Name, Problem, Time } from "./marks.tsx";
import type { Level } from "./sentence.ts";
import { Table, type Column } from "./table.tsx";

type Node = Answers["GET /v1/nodes"]["nodes"][number];

/** Nodes tell of themselves every few seconds. */
const silentAfter = 10;

export function levelOfNode(node: Pick<Node, "state" | "store" | "heartbeat_age">): Level {
    if (node.store === "lost" || (node.heartbeat_age ?? 0) > silentAfter) return "bad";
    if (node.state === "replaced") return "idle";
    return node.state === "ready" ? "good" : "warn";
}

const columns: Column<Node>[] = [
    {
        title: "Node",
        width: "minmax(8rem, 1.5fr)",
        cell: (each) => (
            <>
                <Name text={each.name} /> {each.self && <span class="soft">(this one)</span>}
            </>
        ),
    },
    { title: "State", width: "minmax(7rem, 1fr)", cell: (each) => <Mark level={levelOfNode(each)}>{each.state}</Mark> },
    { title: "Store", width: "minmax(6.5rem, 1fr)", cell: (each) => <Name text={each.store} /> },
    {
        title: "Heard of",
        width: "7.5rem",
        cell: (each) => (each.heartbeat_age === null ? <span class="none">now</span> : `${roughly(each.heartbeat_age)} ago`),
    },
    { title: "Sessions", width: "6rem", isNumber: true, cell: (each) => count(each.sessions) },
    { title: "Transfers", width: "6rem", isNumber: true, cell: (each) => count(each.transfers) },
    { title: "Since", width: "10.5rem", cell: (each) => (each.since ? <Time at={each.since} /> : "–") },
    { title: "Version", width: "minmax(5rem, .7fr)", cell: (each) => <Name text={each.version} /> },
    { title: "Address", width: "minmax(9rem, 1.2fr)", cell: (each) => <Name text={each.address} none="none" /> },
];

export function Nodes() {
    const loaded = useLoaded("GET /v1/nodes", {}, 2, ["upgrade_done", "balancer_state"]);
    return (
        <>
            <h1>Nodes</h1>
            <Problem text={loaded.problem} />
            <Table
                label="Nodes"
                columns={columns}
                rows={loaded.data?.nodes ?? []}
                keyOf={(each) => `${each.name} ${each.since}`}
                empty={loaded.data ? "There are no nodes." : "Asking Ballast…"}
            />
        </>
    );
}
