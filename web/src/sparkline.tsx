// SPDX-License-Identifier: Apache-2.0
// The shape of the last minutes in the height of a line.
import { rate } from "./format.ts";

const width = 120;
const height = 24;

export function points(values: ReadonlyArray<number>, most: number): string {
    const top = Math.max(1, ...values);
    const step = width / Math.max(1, most - 1);
    const left = width - step * (values.length - 1);
    return values
        .map((value, i) => `${(left + i * step).toFixed(1)},${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`)
        .join(" ");
}

export function Sparkline({ values, most }: { values: ReadonlyArray<number>; most: number }) {
    if (values.length < 2) return <span class="none">–</span>;
    const label = `At most ${rate(Math.max(...values))} in the last minutes`;
    return (
        <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
            <title>{label}</title>
            <polyline points={points(values, most)} />
        </svg>
    );
}
