// SPDX-License-Identifier: Apache-2.0
// Numbers, times and names as text. The commands of Ballast write amounts in the same way.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(amount: number): string {
    let unit = 0;
    // 1023.6 would be rounded to 1024.
    while (amount >= 1023.5 && unit + 1 < units.length) {
        amount /= 1024;
        ++unit;
    }
    return `${amount.toFixed(unit > 0 && amount < 9.95 ? 1 : 0)} ${units[unit]}`;
}

export function rate(bytesPerSecond: number): string {
    return `${bytes(Math.max(bytesPerSecond, 0))}/s`;
}

/** 9000 as "9,000". */
export function count(number: number): string {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 session", "9,000 sessions". */
export function counted(number: number, noun: string): string {
    return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Two units at most: "4 min 12 s". */
export function span(seconds: number): string {
    const all = Math.max(0, Math.floor(seconds));
    const days = Math.floor(all / 86400);
    const hours = Math.floor((all % 86400) / 3600);
    const minutes = Math.floor((all % 3600) / 60);
    const two = (big: string, small: number, unit: string) =>
        small > 0 ? `${big} ${small} ${unit}` : big;
    if (days > 0) return two(`${days} d`, hours, "h");
    if (hours > 0) return two(`${hours} h`, minutes, "min");
    if (minutes > 0) return two(`${minutes} min`, all % 60, "s");
    return `${all} s`;
}

/** One unit is enough where the number changes while it is read: "4 min". */
export function roughly(seconds: number): string {
    const all = Math.max(0, seconds);
    if (all >= 172800) return `${Math.floor(all / 86400)} d`;
    if (all >= 7200) return `${Math.floor(all / 3600)} h`;
    if (all >= 60) return `${Math.floor(all / 60)} min`;
    return `${Math.floor(all)} s`;
}

/** Durations of a network: "8.4 ms", "1.25 s". */
export function short(seconds: number): string {
    if (seconds < 0.9995) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
    return seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : span(seconds);
}

const pad = (number: number) => String(number).padStart(2, "0");

/** In the browser's zone: the time alone if it is of the day of `now`. */
export function moment(text: string, now: Date): string {
    const at = new Date(text);
    const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
    if (at.toDateString() === now.toDateString()) return time;
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}`;
}

/** For hovering: "2026-11-29 14:03:00.128 UTC". */
export function utc(text: string): string {
    return new Date(text).toISOString().replace("T", " ").replace("Z", " UTC");
}

/** Peers choose names: characters that would change how others are read are shown as their codes. */
export function visible(text: string): string {
    return text.replace(
        /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
        (each) => `\\u{${each.charCodeAt(0).toString(16)}}`,
    );
}

/** The beginning of a long name, and how long it is */
export function cut(text: string, most: number): string {
    const all = Array.from(text);
    if (all.length <= most) return text;
    return `${all.slice(0, most).join("")}… (${count(all.length)} characters)`;
}
