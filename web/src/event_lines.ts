// SPDX-License-Identifier: Apache-2.0
// The text of a stream of server-sent events (HTML, 9.2.6), as far as Ballast uses it.

export interface Message {
    id: string;
    kind: string;
    data: string;
}

/** Parts come cut anywhere, also within a character. */
export class EventLines {
    private readonly decoder = new TextDecoder();
    private text = "";
    private fields: Record<string, string> = {};

    take(part: Uint8Array): Message[] {
        this.text += this.decoder.decode(part, { stream: true });
        const lines = this.text.split("\n");
        this.text = lines.pop() ?? "";
        const messages: Message[] = [];
        for (const line of lines) {
            if (line === "") {
                const { id = "", event = "", data } = this.fields;
                if (data !== undefined) messages.push({ id, kind: event, data });
                this.fields = {};
            } else if (!line.startsWith(":")) {
                const colon = line.indexOf(":");
                const name = colon < 0 ? line : line.slice(0, colon);
                this.fields[name] = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
            }
        }
        return messages;
    }
}
