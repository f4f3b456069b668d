// SPDX-License-Identifier: Apache-2.0
// What all views share: the stream of events, whether Ballast answers, and what may be done.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Answers, Queries } from "api_types";
import { get, Refusal, type Event, type Gettable, type Rights } from "./api.ts";
import { Follower, type State } from "./follower.ts";

type Heard = (events: ReadonlyArray<Event>) => void;

const heard = new Set<Heard>();
const missed = new Set<() => void>();
const nowSignedIn = new Set<() => void>();

/** Calls with what happens while the component is there. */
export function useEvents(call: Heard): void {
    const latest = useRef(call);
    latest.current = call;
    useEffect(() => {
        const pass: Heard = (events) => latest.current(events);
        heard.add(pass);
        return () => void heard.delete(pass);
    }, []);
}

/** Calls when events may have been missed: everything must be asked for again. */
export function useResync(call: () => void): void {
    const latest = useRef(call);
    latest.current = call;
    useEffect(() => {
        const pass = () => latest.current();
        missed.add(pass);
        nowSignedIn.add(pass);
        return () => {
            missed.delete(pass);
            nowSignedIn.delete(pass);
        };
    }, []);
}

export function askEverythingAgain(): void {
    nowSignedIn.forEach((call) => call());
}

/** The stream of these kinds, from now on. */
export function useFollower(kinds: ReadonlyArray<string>, key: number): State {
    const [state, setState] = useState<State>("connecting");
    const wanted = kinds.join(",");
    useEffect(() => {
        if (!wanted) return;
        const follower = new Follower(wanted.split(","), {
            events: (events) => heard.forEach((call) => call(events)),
            resync: () => missed.forEach((call) => call()),
            state: setState,
        });
        return () => follower.end();
    }, [wanted, key]);
    return state;
}

/** Renders again so often, for times that pass. */
export function useClock(seconds: number): number {
    const [now, setNow] = useState(Date.now());
    useEffect(() => {
        const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
        return () => clearInterval(timer);
    }, [seconds]);
    return now;
}

/** Events that come together cause one request. */
const coalesced = 300;

export interface Loaded<T> {
    data: T | undefined;
    problem: string;
    reload: () => void;
}

/** An answer that is asked for again so often, and soon after such events. Nobody looks at a hidden
 *  page, so it asks for nothing. `null` asks for nothing either. */
export function useLoaded<R extends Gettable>(
    route: R,
    query: Queries[R] | null,
    seconds: number,
    kinds: ReadonlyArray<Event["kind"]> = [],
    names: string[] = [],
): Loaded<Answers[R]> {
    const [data, setData] = useState<Answers[R] | undefined>();
    const [problem, setProblem] = useState("");
    const wish = query === null ? "" : JSON.stringify([query, names]);
    const load = useRef<() => void>(() => {});
    const soon = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

    useEffect(() => {
        setData(undefined);
        setProblem("");
        if (!wish) return;
        const [asked, of] = JSON.parse(wish) as [Queries[R], string[]];
        let isOver = false;
        let isAsking = false;
        let isDue = false;
        const ask = async () => {
            if (isAsking) {
                isDue = true;
                return;
            }
            isAsking = true;
            try {
                const answer = await get(route, asked, of);
                if (!isOver) {
                    setData(answer);
                    setProblem("");
                }
            } catch (why) {
                // Without an answer, the page says so once for all its parts.
                if (!isOver && why instanceof Refusal) setProblem(why.message);
            }
            isAsking = false;
            if (isDue && !isOver) {
                isDue = false;
                void ask();
            }
        };
        load.current = () => void ask();
        const askIfSeen = () => {
            if (!document.hidden) void ask();
        };
        askIfSeen();
        const timer = setInterval(askIfSeen, seconds * 1000);
        document.addEventListener("visibilitychange", askIfSeen);
        return () => {
            isOver = true;
            load.current = () => {};
            clearInterval(timer);
            document.removeEventListener("visibilitychange", askIfSeen);
        };
    }, [route, wish, seconds]);

    const reload = useCallback(() => load.current(), []);
    const reloadSoon = () => {
        if (document.hidden || soon.current !== undefined) return;
        soon.current = setTimeout(() => {
            soon.current = undefined;
            load.current();
        }, coalesced);
    };
    useEvents((events) => {
        if (events.some((each) => kinds.includes(each.kind))) reloadSoon();
    });
    useResync(reloadSoon);
    return { data, problem, reload };
}

export const noRights: Rights = { may_look: false, may_change: false, may_sign_in: false };
