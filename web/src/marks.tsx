// SPDX-License-Identifier: Apache-2.0
// Small things that appear everywhere: names, times, states.
import type { ComponentChildren } from "preact";
import { cut, moment, utc, visible } from "./format.ts";
import type { Level } from "./sentence.ts";

const nameMost = 300;

/** What a peer may have chosen. It stays one line, and what it hides is shown. */
export function Name({ text, none = "–" }: { text: string; none?: string }) {
    if (text === "") return <span class="none">{none}</span>;
    const shown = visible(text);
    return (
        <bdi class="name" title={cut(shown, 1000)}>
            {cut(shown, nameMost)}
        </bdi>
    );
}

/** In the browser's zone, with UTC on hover. */
export function Time({ at, now }: { at: string; now?: number }) {
    return (
        <time dateTime={at} title={utc(at)}>
            {moment(at, new Date(now ?? Date.now()))}
        </time>
    );
}

const signs: Record<Level, string> = { good: "●", warn: "▲", bad: "✖", idle: "○" };

/** A colour never stands alone: there is a sign, and there are words. */
export function Mark({ level, children }: { level: Level; children: ComponentChildren }) {
    return (
        <span class={`mark ${level}`}>
            <span class="sign" aria-hidden="true">
                {signs[level]}
            </span>{" "}
            {children}
        </span>
    );
}

export function Empty({ children }: { children: ComponentChildren }) {
    return <p class="empty">{children}</p>;
}

export function Problem({ text }: { text: string }) {
    return text ? (
        <p class="problem" role="alert">
            <Mark level="bad">{visible(text)}</Mark>
        </p>
    ) : null;
}

/** A part of a whole, with its numbers beside it. */
export function Bar({ part, whole, label }: { part: number; whole: number; label: string }) {
    return (
        <progress class="bar" max={whole > 0 ? whole : 1} value={Math.min(part, whole)} aria-label={label}>
            {label}
        </progress>
    );
}
