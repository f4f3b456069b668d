// SPDX-License-Identifier: Apache-2.0
// What is on the screen, as the part of the URL that no server sees: "#/sessions?search=anna".
// It can be sent to a colleague.

export interface Address {
    view: string;
    /** Further segments: the session of "#/sessions/4f1c2a900". */
    rest: string[];
    filter: Record<string, string>;
}

const decoded = (text: string): string => {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
};

export function parse(hash: string): Address {
    const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const [view = "", ...rest] = path.split("/").map(decoded);
    return { view: view || "overview", rest, filter: Object.fromEntries(new URLSearchParams(query)) };
}

export function hash(view: string, rest: string[] = [], filter: Record<string, string> = {}): string {
    const path = [view, ...rest].map(encodeURIComponent).join("/");
    const set = Object.entries(filter).filter(([, value]) => value !== "");
    const query = new URLSearchParams(set).toString();
    return `#/${path}${query ? `?${query}` : ""}`;
}

/** While somebody types, the way back would lead through each letter. */
export function replace(address: Address): void {
    history.replaceState(null, "", hash(address.view, address.rest, address.filter));
    dispatchEvent(new HashChangeEvent("hashchange"));
}
