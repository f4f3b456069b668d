// SPDX-License-Identifier: Apache-2.0
// Limits in force, and how near they are.
import type { Certificate, Limit } from "./api.ts";
import { count } from "./format.ts";
import { useLoaded } from "./live.ts";
import { Bar, Mark, Name, Problem } from "./marks.tsx";
import { CertificateOwner, daysLeft } from "./overview.tsx";
import { Table, type Column } from "./table.tsx";

function levelOf(limit: Limit) {
    if (limit.in_use === null || limit.value === 0) return "idle";
    const share = limit.in_use / limit.value;
    return share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good";
}

const words = { idle: "not counted", good: "free", warn: "near", bad: "reached" } as const;

const limitColumns: Column<Limit>[] = [
    { title: "Setting", width: "minmax(13rem, 2fr)", cell: (each) => <Name text={each.key} /> },
    { title: "Listener", width: "minmax(5rem, .8fr)", cell: (each) => <Name text={each.listener} none="all" /> },
    {
        title: "In use",
        width: "minmax(16rem, 2.5fr)",
        isWide: true,
        cell: (each) => (
            <div class="progress">
                {each.in_use !== null && each.value > 0 && (
                    <Bar part={each.in_use} whole={each.value} label={`${each.in_use} of ${each.value}`} />
                )}
                <span class="figure">
                    {each.in_use === null ? "" : `${count(each.in_use)} of `}
                    {each.value > 0 ? count(each.value) : "no limit"}
                </span>
            </div>
        ),
    },
    { title: "State", width: "8.5rem", cell: (each) => <Mark level={levelOf(each)}>{words[levelOf(each)]}</Mark> },
    { title: "Reached so far", width: "8rem", isNumber: true, cell: (each) => `${count(each.reached)} ×` },
];

export function Limits() {
    const loaded = useLoaded("GET /v1/limits", {}, 2, ["limit_reached"]);
    return (
        <>
            <h1>Limits</h1>
            <Problem text={loaded.problem} />
            <Table
                label="Limits"
                columns={limitColumns}
                rows={loaded.data?.limits ?? []}
                keyOf={(each) => `${each.key} ${each.listener}`}
                empty={loaded.data ? "There are no limits." : "Asking Ballast…"}
            />
        </>
    );
}

const certificateColumns: Column<Certificate>[] = [
    { title: "Shown by", width: "minmax(10rem, 1fr)", cell: (each) => <CertificateOwner of={each} /> },
    {
        title: "Expires",
        width: "minmax(11rem, 1fr)",
        cell: (each) => (
            <Mark level={each.days_left < 7 ? "bad" : each.days_left < 30 ? "warn" : "good"}>{daysLeft(each.days_left)}</Mark>
        ),
    },
    { title: "What", width: "8.5rem", cell: (each) => (each.ocsp ? "OCSP response" : "certificate") },
    { title: "File", width: "minmax(12rem, 2.5fr)", isWide: true, cell: (each) => <Name text={each.file} none="on the backend" /> },
];

export function Certificates() {
    const loaded = useLoaded("GET /v1/certificates", {}, 30, ["certificate_replaced", "certificate_expires", "reload_applied"]);
    const rows = [...(loaded.data?.certificates ?? [])].sort((one, other) => one.days_left - other.days_left);
    return (
        <>
            <h1>Certificates</h1>
            <Problem text={loaded.problem} />
            <Table
                label="Certificates"
                columns={certificateColumns}
                rows={rows}
                keyOf={(each) => `${each.listener} ${each.pool} ${each.backend} ${each.file} ${each.ocsp}`}
                empty={loaded.data ? "There are no certificates: neither listeners nor backends use TLS." : "Asking Ballast…"}
            />
        </>
    );
}
