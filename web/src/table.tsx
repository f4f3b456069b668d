// SPDX-License-Identifier: Apache-2.0
// A table of any length. Of a long one, only the rows that can be seen exist. On a phone, each row
// becomes a card.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Empty } from "./marks.tsx";

export interface Column<T> {
    title: string;
    cell: (row: T) => ComponentChildren;
    /** A track of a CSS grid. */
    width: string;
    isNumber?: boolean;
    /** On a phone it takes the whole width of the card. */
    isWide?: boolean;
}

interface Props<T> {
    label: string;
    columns: ReadonlyArray<Column<T>>;
    rows: ReadonlyArray<T>;
    keyOf: (row: T) => string;
    empty: string;
    /** Long cells may be broken into lines. Not for long tables. */
    isLoose?: boolean;
}

const virtualFrom = 80;
const rowHeight = 37;
const spare = 12;

export function usePhone(): boolean {
    const query = "(max-width: 900px)";
    const [isPhone, setPhone] = useState(() => matchMedia(query).matches);
    useEffect(() => {
        const list = matchMedia(query);
        const change = () => setPhone(list.matches);
        list.addEventListener("change", change);
        return () => list.removeEventListener("change", change);
    }, []);
    return isPhone;
}

/** A card has its first cell on a line of its own, then two cells beside each other. */
function cardHeight<T>(columns: ReadonlyArray<Column<T>>): number {
    let lines = 0;
    let half = false;
    columns.forEach((column, i) => {
        if (i === 0 || column.isWide) {
            lines += 1;
            half = false;
        } else {
            lines += half ? 0 : 1;
            half = !half;
        }
    });
    return lines * 42 + 6;
}

export function Table<T>({ label, columns, rows, keyOf, empty, isLoose }: Props<T>) {
    const isPhone = usePhone();
    const body = useRef<HTMLDivElement>(null);
    const isVirtual = rows.length > virtualFrom;
    const height = isPhone ? cardHeight(columns) : rowHeight;
    const [range, setRange] = useState<[number, number]>([0, virtualFrom]);

    useLayoutEffect(() => {
        if (!isVirtual) return;
        let frame = 0;
        const look = () => {
            frame = 0;
            if (!body.current) return;
            const top = body.current.getBoundingClientRect().top;
            const first = Math.max(0, Math.floor(-top / height) - spare);
            const last = Math.ceil((innerHeight - top) / height) + spare;
            // A change of a few rows is not worth the work.
            setRange((now) => (now[0] === first && now[1] === last ? now : [first, last]));
        };
        const lookSoon = () => {
            frame ||= requestAnimationFrame(look);
        };
        look();
        addEventListener("scroll", lookSoon, { passive: true });
        addEventListener("resize", lookSoon);
        return () => {
            cancelAnimationFrame(frame);
            removeEventListener("scroll", lookSoon);
            removeEventListener("resize", lookSoon);
        };
    }, [isVirtual, height]);

    if (rows.length === 0) return <Empty>{empty}</Empty>;
    const first = isVirtual ? Math.min(range[0], Math.max(0, rows.length - 1)) : 0;
    const last = isVirtual ? Math.min(rows.length, range[1]) : rows.length;
    const tracks = isPhone ? undefined : { gridTemplateColumns: columns.map((each) => each.width).join(" ") };
    const classOf = (column: Column<T>) =>
        [column.isNumber ? "number" : "", column.isWide ? "wide" : ""].filter(Boolean).join(" ");
    return (
        <div
            class={`table${isLoose ? " loose" : ""}${isPhone ? " cards" : ""}`}
            role="table"
            aria-label={label}
            aria-rowcount={rows.length + 1}
        >
            <div role="rowgroup" class="heads">
                <div role="row" class="row head" style={tracks} aria-rowindex={1}>
                    {columns.map((each) => (
                        <div role="columnheader" class={classOf(each)} key={each.title}>
                            {each.title}
                        </div>
                    ))}
                </div>
            </div>
            <div
                role="rowgroup"
                class="rows"
                ref={body}
                style={isVirtual ? { height: `${rows.length * height}px` } : { height: "auto" }}
            >
                {rows.slice(first, last).map((row, i) => (
                    <div
                        role="row"
                        class={`row${isVirtual ? " placed" : ""}`}
                        key={keyOf(row)}
                        aria-rowindex={first + i + 2}
                        style={
                            isVirtual
                                ? { ...tracks, top: `${(first + i) * height}px`, height: `${height}px` }
                                : (tracks ?? {})
                        }
                    >
                        {columns.map((each) => (
                            <div role="cell" class={classOf(each)} key={each.title} data-title={each.title}>
                                {each.cell(row)}
                            </div>
                        ))}
                    </div>
                ))}
            </div>
        </div>
    );
}
