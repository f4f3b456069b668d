// SPDX-License-Identifier: Apache-2.0
// A list of this balancer or of all that share its store: "#/sessions?node=all".
import { useLoaded } from "./live.ts";
import { count } from "./format.ts";
import { Name, Problem } from "./marks.tsx";
import type { Column } from "./table.tsx";

/** Other nodes' events do not come here, so their lists are asked for again so often. */
export const askedAgain = 5;

export function wantsAllNodes(filter: Record<string, string>): boolean {
    return filter.node === "all";
}

/** What the requests for a list say. */
export function ofNodes(isAll: boolean): { node?: string } {
    return isAll ? { node: "*" } : {};
}

/** Nothing to choose if there are no others. */
export function NodeChoice({ isAll, set }: { isAll: boolean; set: (change: { node: string }) => void }) {
    const nodes = useLoaded("GET /v1/nodes", {}, askedAgain).data?.nodes ?? [];
    if (nodes.length < 2 && !isAll) return null;
    return (
        <label>
            Of{" "}
            <select value={isAll ? "all" : ""} onChange={(event) => set({ node: event.currentTarget.value })}>
                <option value="">this node</option>
                <option value="all">{nodes.length > 1 ? `all ${count(nodes.length)} nodes` : "all nodes"}</option>
            </select>
        </label>
    );
}

export function nodeColumn<T extends { node?: string }>(): Column<T> {
    return { title: "Node", width: "minmax(4rem, .7fr)", cell: (each) => <Name text={each.node ?? ""} /> };
}

export interface Unanswered {
    node: string;
    reason: string;
}

/** A list without some of the nodes says so. */
export function MissingNodes({ nodes }: { nodes: ReadonlyArray<Unanswered> | undefined }) {
    if (!nodes || nodes.length === 0) return null;
    const reasons = nodes.map((each) => each.reason).join("; ");
    return <Problem text={`What ${nodes.map((each) => each.node).join(", ")} has is missing: ${reasons}`} />;
}
