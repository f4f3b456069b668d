// SPDX-License-Identifier: Apache-2.0
// The frame of all views: where to go, who may do what, and whether what is shown is old.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { hash, parse, type Address } from "./address.ts";
import { get, isSignedIn, onHeard, onUnauthorized, signIn, type Rights } from "./api.ts";
import { Backends } from "./backends.tsx";
import { Notices, Questions } from "./dialog.tsx";
import { EventList } from "./event_list.tsx";
import { Explain } from "./explain.tsx";
import { rareKinds, sessionKinds } from "./follower.ts";
import { moment, utc, span } from "./format.ts";
import { Certificates, Limits } from "./limits.tsx";
import { askEverythingAgain, noRights, useClock, useFollower, useResync } from "./live.ts";
import { Mark } from "./marks.tsx";
import { wantsAllNodes } from "./node_choice.tsx";
import { Nodes } from "./nodes.tsx";
import { Overview } from "./overview.tsx";
import { Sessions } from "./sessions.tsx";
import { SignIn } from "./sign_in.tsx";
import { Stories } from "./stories.tsx";
import { Transfers } from "./transfers.tsx";
import { Waiting } from "./waiting.tsx";

const views: [string, string][] = [
    ["overview", "Overview"],
    ["backends", "Backends"],
    ["transfers", "Transfers"],
    ["sessions", "Sessions"],
    ["stories", "Ended"],
    ["waiting", "Bans & queues"],
    ["limits", "Limits"],
    ["certificates", "Certificates"],
    ["events", "Events"],
    ["nodes", "Nodes"],
];

/** How long what is shown may be old before the page says so. */
const oldAfter = 6_000;

/** Only these views want to know of each session and each transfer. */
function kindsFor(address: Address): ReadonlyArray<string> {
    const wantsAll =
        (address.view === "sessions" && address.rest.length === 0 && !wantsAllNodes(address.filter)) ||
        address.view === "transfers" ||
        (address.view === "events" && address.filter.with);
    return wantsAll ? [...rareKinds, ...sessionKinds] : rareKinds;
}

function View({ address, mayChange }: { address: Address; mayChange: boolean }) {
    const { view, rest, filter } = address;
    switch (view) {
        case "backends":
            return <Backends mayChange={mayChange} />;
        case "transfers":
            return <Transfers filter={filter} mayChange={mayChange} />;
        case "sessions":
            return rest[0] ? <Explain session={rest[0]} key={rest[0]} /> : <Sessions filter={filter} mayChange={mayChange} />;
        case "stories":
            return <Stories filter={filter} />;
        case "waiting":
            return <Waiting filter={filter} mayChange={mayChange} />;
        case "limits":
            return <Limits />;
        case "certificates":
            return <Certificates />;
        case "events":
            return <EventList filter={filter} />;
        case "nodes":
            return <Nodes />;
        default:
            return <Overview />;
    }
}

function useAddress(): Address {
    const [address, setAddress] = useState(() => parse(location.hash));
    useEffect(() => {
        const change = () => setAddress(parse(location.hash));
        addEventListener("hashchange", change);
        return () => removeEventListener("hashchange", change);
    }, []);
    return address;
}

/** Since when nothing has been heard; null: all is well. */
function useSilence(): number | null {
    const [latest, setLatest] = useState(Date.now());
    const [failed, setFailed] = useState(false);
    const now = useClock(1);
    useEffect(() => {
        onHeard((answers) => {
            setFailed(!answers);
            if (answers) setLatest(Date.now());
        });
        // A view may ask for nothing for a long time.
        const timer = setInterval(() => {
            if (!document.hidden) get("GET /v1/rights").catch(() => {});
        }, 3_000);
        return () => clearInterval(timer);
    }, []);
    const isOld = now - latest > oldAfter && !document.hidden;
    return failed || isOld ? latest : null;
}

function Page() {
    const address = useAddress();
    /** null: Ballast has not said yet. */
    const [known, setKnown] = useState<Rights | null>(null);
    const rights = known ?? noRights;
    const isNeeded = known !== null && !known.may_look;
    const [wants, setWants] = useState(false);
    const [version, setVersion] = useState("");
    const [isOther, setOther] = useState(false);
    const [attempt, setAttempt] = useState(0);
    const silence = useSilence();
    const state = useFollower(rights.may_look ? kindsFor(address) : [], attempt);

    const look = async () => {
        try {
            const now = await get("GET /v1/rights");
            setKnown(now);
            if (!now.may_look) return;
            const answer = await get("GET /v1/version");
            setVersion((before) => {
                if (before && before !== answer.version) setOther(true);
                return before || answer.version;
            });
        } catch {
            // There is no answer, or this token counts no longer: the page says so elsewhere.
        }
    };
    useEffect(() => {
        onUnauthorized(() => setKnown({ ...noRights, may_sign_in: true }));
        void look();
    }, []);
    useResync(() => void look());
    useEffect(() => {
        const name = views.find(([view]) => view === address.view)?.[1] ?? "Overview";
        document.title = `${name} · Ballast`;
    }, [address.view]);
    // Who goes on with Tab, or hears the page, begins with the new view.
    const where = hash(address.view, address.rest);
    const before = useRef(where);
    useEffect(() => {
        if (before.current !== where) document.getElementById("content")?.focus({ preventScroll: true });
        if (before.current !== where) scrollTo(0, 0);
        before.current = where;
    }, [where]);

    const signedIn = () => {
        setWants(false);
        setAttempt((number) => number + 1);
        void look();
        askEverythingAgain();
    };
    const signOut = () => {
        signIn("");
        setKnown(null);
        setAttempt((number) => number + 1);
        void look();
    };
    return (
        <>
            <a
                class="skip"
                href="#content"
                onClick={(event) => {
                    event.preventDefault();
                    document.getElementById("content")?.focus();
                }}
            >
                Skip to the content
            </a>
            <header>
                <a class="brand" href={hash("overview")}>
                    <img src="/icon.svg" alt="" width="22" height="22" /> Ballast <small>{version}</small>
                </a>
                <nav aria-label="Views">
                    {views.map(([view, title]) => (
                        <a href={hash(view)} key={view} aria-current={view === address.view ? "page" : undefined}>
                            {title}
                        </a>
                    ))}
                </nav>
                <span class="status">
                    {isNeeded ? null : silence === null && state === "live" ? <Mark level="good">live</Mark> : <Mark level="warn">not live</Mark>}
                    {isSignedIn() ? (
                        <button type="button" onClick={signOut}>
                            Sign out{rights.may_change ? "" : " (looks only)"}
                        </button>
                    ) : (
                        rights.may_sign_in &&
                        rights.may_look && (
                            <button type="button" onClick={() => setWants(true)}>
                                Sign in
                            </button>
                        )
                    )}
                </span>
            </header>
            {silence !== null && (
                <p class="banner bad" role="alert">
                    <Mark level="bad">
                        Ballast does not answer. What you see is from{" "}
                        <time dateTime={new Date(silence).toISOString()} title={utc(new Date(silence).toISOString())}>
                            {moment(new Date(silence).toISOString(), new Date())}
                        </time>
                        , {span((Date.now() - silence) / 1000)} ago. The page goes on asking.
                    </Mark>
                </p>
            )}
            {isOther && (
                <p class="banner warn" role="status">
                    <Mark level="warn">Ballast has another version now.</Mark>{" "}
                    <button type="button" onClick={() => location.reload()}>
                        Load the page again
                    </button>
                </p>
            )}
            <main id="content" tabIndex={-1} class={silence === null ? "" : "old"}>
                {isNeeded || wants ? (
                    <SignIn isNeeded={isNeeded} done={signedIn} cancel={() => setWants(false)} />
                ) : known === null ? (
                    <p class="empty">Asking Ballast…</p>
                ) : (
                    <View address={address} mayChange={rights.may_change} />
                )}
            </main>
            <Questions />
            <Notices />
        </>
    );
}

render(<Page />, document.getElementById("page")!);
