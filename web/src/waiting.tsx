// SPDX-License-Identifier: Apache-2.0
// Who is kept out, who waits, and who returns to which backend.
import { hash, replace } from "./address.ts";
import { act, type Ban, type Pool, type Stuck } from "./api.ts";
import { ask, perform } from "./dialog.tsx";
import { count, counted, span } from "./format.ts";
import { useLoaded } from "./live.ts";
import { Bar, Name, Problem, Time } from "./marks.tsx";
import { Table, type Column } from "./table.tsx";

function Bans({ mayChange }: { mayChange: boolean }) {
    const loaded = useLoaded("GET /v1/bans", {}, 5, ["ban_begun"]);
    const lift = async (of: Ban) => {
        const text = `${of.client}${of.user ? ` may try to log in as ${of.user} again` : " may connect again"}. Its failed logins are forgotten. This cannot be undone.`;
        if (await ask({ title: `Lift the ban of ${of.client}?`, text, verb: "Lift ban" })) {
            const query = of.user ? { user: of.user } : {};
            await perform(() => act("DELETE /v1/bans/{client}", [of.client], undefined, query), `The ban of ${of.client} is lifted.`);
            loaded.reload();
        }
    };
    const columns: Column<Ban>[] = [
        { title: "Client", width: "minmax(9rem, 1.5fr)", cell: (each) => <Name text={each.client} /> },
        { title: "Only the user", width: "minmax(7rem, 1.5fr)", cell: (each) => <Name text={each.user} none="everybody" /> },
        { title: "Pool", width: "minmax(6rem, 1fr)", cell: (each) => <Name text={each.pool} none="all" /> },
        { title: "Until", width: "10.5rem", cell: (each) => <Time at={each.until} /> },
        { title: "Left", width: "7rem", isNumber: true, cell: (each) => span(each.seconds_left) },
    ];
    if (mayChange)
        columns.push({
            title: "Actions",
            width: "5rem",
            cell: (each) => (
                <button type="button" aria-label={`Lift the ban of ${each.client}`} onClick={() => void lift(each)}>
                    Lift
                </button>
            ),
        });
    return (
        <section>
            <h2>Bans</h2>
            <Problem text={loaded.problem} />
            <Table
                label="Bans"
                columns={columns}
                rows={loaded.data?.bans ?? []}
                keyOf={(each) => `${each.client} ${each.pool} ${each.user}`}
                empty={loaded.data ? "Nobody is banned." : "Asking Ballast…"}
            />
        </section>
    );
}

const queueColumns: Column<Pool>[] = [
    { title: "Pool", width: "minmax(8rem, 1fr)", cell: (each) => <Name text={each.pool} /> },
    {
        title: "Waiting",
        width: "minmax(12rem, 2fr)",
        cell: (each) =>
            each.queue_length > 0 ? (
                <div class="progress">
                    <Bar part={each.waiting} whole={each.queue_length} label={`${each.waiting} of ${each.queue_length} places`} />
                    <span class="figure">
                        {count(each.waiting)} of {counted(each.queue_length, "place")}
                    </span>
                </div>
            ) : (
                <span class="none">no queue</span>
            ),
    },
];

function Stickiness({ pools, chosen, search, mayChange }: { pools: Pool[]; chosen: string; search: string; mayChange: boolean }) {
    const pool = pools.find((each) => each.pool === chosen) ?? pools.find((each) => each.stick_entries > 0) ?? pools[0];
    const like = search ? `*${search}*` : "";
    const loaded = useLoaded("GET /v1/pools/{pool}/stickiness", pool ? { limit: "500" } : null, 5, [], [pool?.pool ?? ""]);
    const filtered = useLoaded("GET /v1/pools/{pool}/stickiness", pool && like ? { limit: "500", user: like } : null, 5, [], [pool?.pool ?? ""]);
    const all = loaded.data?.clients ?? [];
    const here = all.filter((each) => `${each.user} ${each.client} ${each.backend}`.toLowerCase().includes(search.toLowerCase()));
    const rows = loaded.data?.next && like ? (filtered.data?.clients ?? here) : here;
    const set = (name: string, value: string) =>
        replace({ view: "waiting", rest: [], filter: { pool: chosen, search, [name]: value } });
    const forget = async (of: Stuck) => {
        const who = of.user || of.client;
        const text = `The next login of ${who} is balanced like that of a new client. Sessions continue. This cannot be undone.`;
        if (pool && (await ask({ title: `Forget ${who}?`, text, verb: "Forget" }))) {
            const query = of.user ? { user: of.user } : { client: of.client.replace(/\/.*/, "") };
            await perform(
                () => act("DELETE /v1/pools/{pool}/stickiness", [pool.pool], undefined, query),
                `${who} is forgotten.`,
            );
            loaded.reload();
        }
    };
    const columns: Column<Stuck>[] = [
        { title: "User or network", width: "minmax(10rem, 2fr)", cell: (each) => <Name text={each.user || each.client} /> },
        { title: "Returns to", width: "minmax(7rem, 1fr)", cell: (each) => <Name text={each.backend} /> },
        { title: "Sessions", width: "6rem", isNumber: true, cell: (each) => count(each.sessions) },
        { title: "Last used", width: "10.5rem", cell: (each) => <Time at={each.last_used} /> },
    ];
    if (mayChange)
        columns.push({
            title: "Actions",
            width: "6rem",
            cell: (each) => (
                <button type="button" aria-label={`Forget ${each.user || each.client}`} onClick={() => void forget(each)}>
                    Forget
                </button>
            ),
        });
    return (
        <section>
            <h2>Stickiness</h2>
            <div class="filter">
                <label>
                    Pool{" "}
                    <select value={pool?.pool ?? ""} onChange={(event) => set("pool", event.currentTarget.value)}>
                        {pools.map((each) => (
                            <option value={each.pool} key={each.pool}>
                                {each.pool} ({count(each.stick_entries)})
                            </option>
                        ))}
                    </select>
                </label>
                <label>
                    Search{" "}
                    <input type="search" value={search} placeholder="user, network, backend" onInput={(event) => set("search", event.currentTarget.value)} />
                </label>
            </div>
            <Problem text={loaded.problem} />
            {loaded.data?.next && <p class="soft">The first 500 are shown. Search asks Ballast for the others.</p>}
            <Table
                label="Stickiness"
                columns={columns}
                rows={rows}
                keyOf={(each) => `${each.user} ${each.client}`}
                empty={search ? "Nobody has that in the name." : "This pool remembers nobody."}
            />
        </section>
    );
}

export function Waiting({ filter, mayChange }: { filter: Record<string, string>; mayChange: boolean }) {
    const pools = useLoaded("GET /v1/pools", {}, 2, ["queue_full"]);
    return (
        <>
            <h1>Bans, queues and stickiness</h1>
            <Bans mayChange={mayChange} />
            <section>
                <h2>Queues</h2>
                <Problem text={pools.problem} />
                <Table
                    label="Queues"
                    columns={queueColumns}
                    rows={pools.data?.pools ?? []}
                    keyOf={(each) => each.pool}
                    empty={pools.data ? "There are no pools." : "Asking Ballast…"}
                />
                <p class="soft">
                    <a href={hash("events", [], { kind: "queue_full" })}>When a queue was full</a>
                </p>
            </section>
            <Stickiness
                pools={pools.data?.pools ?? []}
                chosen={filter.pool ?? ""}
                search={filter.search ?? ""}
                mayChange={mayChange}
            />
        </>
    );
}
