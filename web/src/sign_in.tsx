// SPDX-License-Identifier: Apache-2.0
// Asks for a token. It is kept in the memory of this page only, and is gone with it.
import { useState } from "preact/hooks";
import { get, signIn } from "./api.ts";
import { Problem } from "./marks.tsx";

interface Props {
    /** Without one, nothing can be seen. */
    isNeeded: boolean;
    done: () => void;
    cancel: () => void;
}

export function SignIn({ isNeeded, done, cancel }: Props) {
    const [token, setToken] = useState("");
    const [problem, setProblem] = useState("");
    const submit = async (event: SubmitEvent) => {
        event.preventDefault();
        signIn(token.trim());
        try {
            await get("GET /v1/rights");
            done();
        } catch (why) {
            signIn("");
            setProblem(why instanceof Error ? why.message : String(why));
        }
    };
    return (
        <form class="sign-in" onSubmit={(event) => void submit(event)}>
            <h1>{isNeeded ? "This Ballast asks for a token" : "Sign in to change something"}</h1>
            <p>
                A line of <code>admin.token_file</code>, or of <code>admin.read_token_file</code> to look only. The page
                keeps it in memory, until you close or reload it.
            </p>
            {/* Password managers want a name beside a secret. */}
            <input class="unseen" type="text" name="username" autocomplete="username" value="ballast" readOnly tabIndex={-1} aria-hidden="true" />
            <label class="field">
                Token
                <input
                    type="password"
                    name="token"
                    autocomplete="current-password"
                    autoFocus
                    value={token}
                    onInput={(event) => setToken(event.currentTarget.value)}
                />
            </label>
            <Problem text={problem} />
            <div class="buttons">
                {!isNeeded && (
                    <button type="button" onClick={cancel}>
                        Cancel
                    </button>
                )}
                <button type="submit" class="main" disabled={token.trim() === ""}>
                    Sign in
                </button>
            </div>
        </form>
    );
}
