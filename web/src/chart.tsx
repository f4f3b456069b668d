// SPDX-License-Identifier: Apache-2.0
// A quantity over the last minutes.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

interface Props {
    title: string;
    /** Seconds since 1970. */
    times: ReadonlyArray<number>;
    values: ReadonlyArray<number>;
    text: (value: number) => string;
    isBytes?: boolean;
}

const height = 130;
/** Seconds. Less would be a line through two samples. */
const leastSpan = 120;

/** Before the first answer, there is no time. */
function timeRange(min: number | null, max: number | null): [number, number] {
    const end = max ?? Date.now() / 1000;
    return [Math.min(min ?? end, end - leastSpan), end];
}

function timeText(seconds: number, step: number): string {
    const at = new Date(seconds * 1000);
    const parts = [at.getHours(), at.getMinutes(), ...(step < 60 ? [at.getSeconds()] : [])];
    return parts.map((each) => String(each).padStart(2, "0")).join(":");
}

function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Round steps of bytes are powers of two. */
const byteSteps = Array.from({ length: 50 }, (_, i) => 2 ** i);
const countSteps = Array.from({ length: 9 }, (_, i) => [1, 2, 5].map((each) => each * 10 ** i)).flat();

function optionsOf(width: number, text: (value: number) => string, isBytes: boolean): uPlot.Options {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    return {
        width,
        height,
        padding: [8, 26, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
            x: { range: (_plot, min, max) => timeRange(min, max) },
            y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 4)] },
        },
        axes: [
            { ...axis, size: 24, space: 75, font: "12px system-ui", values: (_plot, splits, _axis, _space, step) => splits.map((each) => timeText(each, step)) },
            {
                ...axis,
                size: 76,
                space: 34,
                font: "12px system-ui",
                incrs: isBytes ? byteSteps : countSteps,
                values: (_plot, splits) => splits.map(text),
            },
        ],
        series: [{}, { stroke: colour("--accent"), fill: colour("--wash"), width: 2, points: { show: false } }],
    };
}

export function Chart({ title, times, values, text, isBytes = false }: Props) {
    const place = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const [scheme, setScheme] = useState(0);

    useEffect(() => {
        const list = matchMedia("(prefers-color-scheme: dark)");
        const change = () => setScheme((number) => number + 1);
        list.addEventListener("change", change);
        return () => list.removeEventListener("change", change);
    }, []);
    useEffect(() => {
        const element = place.current;
        if (!element) return;
        const made = new uPlot(optionsOf(element.clientWidth, text, isBytes), [[], []], element);
        plot.current = made;
        const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
        observer.observe(element);
        return () => {
            observer.disconnect();
            made.destroy();
            plot.current = null;
        };
    }, [scheme]);
    useEffect(() => {
        plot.current?.setData([times as number[], values as number[]]);
    }, [times, values, scheme]);

    const latest = values.at(-1) ?? 0;
    const most = values.length > 0 ? Math.max(...values) : 0;
    return (
        <figure class="chart">
            <figcaption>
                <span>{title}</span> <strong>{text(latest)}</strong>
            </figcaption>
            <div
                ref={place}
                class="plot"
                role="img"
                aria-label={`${title} over the last minutes: now ${text(latest)}, at most ${text(most)}`}
            />
        </figure>
    );
}
