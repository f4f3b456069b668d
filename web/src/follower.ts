// SPDX-License-Identifier: Apache-2.0
// Follows the events of Ballast, however often the connection ends.
import { openStream, type Event } from "./api.ts";
import { EventLines } from "./event_lines.ts";

/** Kinds that are kept by Ballast, so none is missed. */
export const rareKinds = [
    "backend_up", "backend_down", "backend_ejected", "backend_state", "backend_drained",
    "balancer_state", "queue_full", "limit_reached", "ban_begun", "listener_opened",
    "listener_closed", "certificate_replaced", "certificate_expires", "reload_applied",
    "reload_refused", "upgrade_done", "upgrade_failed",
] as const satisfies ReadonlyArray<Event["kind"]>;
/** Kinds that come with each session and each transfer. */
export const sessionKinds = [
    "session_began", "session_logged_in", "session_moved", "session_ended", "transfer_began", "transfer_ended",
] as const satisfies ReadonlyArray<Event["kind"]>;

const firstPause = 500;
const longestPause = 5_000;
/** Ballast gives a sign of life every 15 seconds. */
const silenceMax = 40_000;

export type State = "connecting" | "live" | "lost";

export interface Listener {
    /** What has happened, all that came together. */
    events(events: Event[]): void;
    /** Events have been missed: ask for everything again. Called at each new connection, too. */
    resync(): void;
    state(state: State): void;
}

export class Follower {
    private readonly stop = new AbortController();
    private connection = new AbortController();
    private lastId = "";

    constructor(
        private readonly kinds: ReadonlyArray<string>,
        private readonly listener: Listener,
    ) {
        void this.run();
    }

    end(): void {
        this.stop.abort();
        this.connection.abort();
    }

    private async run(): Promise<void> {
        let pause = firstPause;
        this.listener.state("connecting");
        while (!this.stop.signal.aborted) {
            const began = Date.now();
            try {
                await this.follow();
            } catch {
                // Ballast restarts, or the network is gone: try again.
            }
            if (this.stop.signal.aborted) return;
            this.listener.state("lost");
            pause = Date.now() - began > longestPause ? firstPause : Math.min(pause * 2, longestPause);
            await new Promise((resolve) => setTimeout(resolve, pause));
        }
    }

    private async follow(): Promise<void> {
        this.connection = new AbortController();
        const connection = this.connection;
        let alarm = setTimeout(() => connection.abort(), silenceMax);
        try {
            const reader = await openStream({ kind: this.kinds.join(",") }, this.lastId, connection.signal);
            const lines = new EventLines();
            this.listener.state("live");
            this.listener.resync();
            for (;;) {
                const { done, value } = await reader.read();
                if (done) return;
                clearTimeout(alarm);
                alarm = setTimeout(() => connection.abort(), silenceMax);
                this.pass(lines.take(value));
            }
        } finally {
            clearTimeout(alarm);
            connection.abort();
        }
    }

    private pass(messages: ReturnType<EventLines["take"]>): void {
        const events: Event[] = [];
        for (const message of messages) {
            // This page was too slow.
            if (message.kind === "lost") this.listener.resync();
            else events.push(JSON.parse(message.data) as Event);
            if (message.id) this.lastId = message.id;
        }
        if (events.length > 0) this.listener.events(events);
    }
}
