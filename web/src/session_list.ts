// SPDX-License-Identifier: Apache-2.0
// The sessions that run, kept up to date by events instead of asking for all of them again.
import type { Event, Session } from "./api.ts";

export type Row = Pick<
    Session,
    "id" | "listener" | "client" | "user" | "pool" | "backend" | "began" | "transferring" | "bytes" | "transfers"
> & {
    /** In a list of all nodes. */
    node?: string;
};
export const rowFields: ReadonlyArray<Exclude<keyof Row, "node">> = [
    "id", "listener", "client", "user", "pool", "backend", "began", "transferring", "bytes", "transfers",
];
export type Rows = ReadonlyMap<string, Row>;

/** What the sessions are after these events. Each says how things are, so one that is older than a
 *  row does no harm. Only a transfer's end changes numbers: without `addsUp`, rows have them already. */
export function afterEvents(rows: Rows, events: ReadonlyArray<Event>, addsUp = true): Rows {
    const next = new Map(rows);
    for (const event of events) {
        const id = event.session;
        if (id === undefined) continue;
        const row = next.get(id);
        if (event.kind === "session_began" && !row) {
            next.set(id, {
                id, listener: event.listener ?? "", client: event.client ?? "", user: "", pool: "", backend: "",
                began: event.at, transferring: false, bytes: 0, transfers: 0,
            });
        } else if (event.kind === "session_ended") {
            next.delete(id);
        } else if (row) {
            next.set(id, changed(row, event, addsUp));
        }
    }
    return next;
}

function changed(row: Row, event: Event, addsUp: boolean): Row {
    const { user = row.user, pool = row.pool, backend = row.backend } = event;
    switch (event.kind) {
        case "session_logged_in":
        case "session_moved":
            return { ...row, user, pool, backend };
        case "transfer_began":
            return { ...row, transferring: true };
        case "transfer_ended":
            if (!addsUp) return { ...row, transferring: false };
            return {
                ...row,
                transferring: false,
                bytes: row.bytes + (event.bytes ?? 0),
                transfers: row.transfers + 1,
            };
        default:
            return row;
    }
}

/** The rows with this text in any of their names, the newest first. */
export function found(rows: Rows, search: string, backend: string): Row[] {
    const text = search.trim().toLowerCase();
    const has = (...names: string[]) => names.some((name) => name.toLowerCase().includes(text));
    const matches: Row[] = [];
    for (const row of rows.values())
        if ((!backend || row.backend === backend) && (!text || has(row.user, row.client, row.id, row.backend, row.listener, row.node ?? "")))
            matches.push(row);
    return matches.reverse().sort((one, other) => (one.began === other.began ? 0 : one.began < other.began ? 1 : -1));
}
