// SPDX-License-Identifier: Apache-2.0
// What an operator can do about a backend: each asks first, and each can be undone.
import type { Bodies } from "api_types";
import { act, type Backend } from "./api.ts";
import { ask, perform } from "./dialog.tsx";
import { counted } from "./format.ts";

type Wanted = Bodies["PUT /v1/backends/{pool}/{backend}/state"]["state"];

const doneWords: Record<Wanted, string> = {
    ready: "is ready",
    drain: "drains: it gets no new sessions",
    "drain-move": "drains: its sessions move to other backends",
    "drain-idle": "drains: its idle sessions end",
    disabled: "is disabled: its sessions end",
};

interface Props {
    backend: Backend;
    reload: () => void;
}

export function BackendActions({ backend, reload }: Props) {
    const names = [backend.pool, backend.backend];
    const has = `It has ${counted(backend.sessions, "session")} and ${counted(backend.transfers, "transfer")}.`;

    const put = async (state: Wanted, before?: Wanted) => {
        const change = () => act("PUT /v1/backends/{pool}/{backend}/state", names, { state });
        const undo = before && (() => void put(before));
        await perform(change, `${backend.backend} ${doneWords[state]}.`, undo);
        reload();
    };
    const weigh = async (weight: number, before?: number) => {
        const change = () => act("PUT /v1/backends/{pool}/{backend}/weight", names, { weight });
        const undo = before === undefined ? undefined : () => void weigh(before);
        await perform(change, `${backend.backend} has weight ${weight}.`, undo);
        reload();
    };
    const drain = async () => {
        const choices = [
            { value: "drain", label: "Sessions stay until they end by themselves" },
            { value: "drain-idle", label: "Idle sessions end now, transfers are finished" },
        ];
        if (backend.failover !== "off")
            choices.splice(1, 0, { value: "drain-move", label: "Sessions move to other backends" });
        const text = `New sessions go to other backends of pool ${backend.pool}. ${has}`;
        const chosen = await ask({ title: `Drain ${backend.backend}?`, text, verb: "Drain", choices });
        if (chosen) await put(chosen as Wanted, backend.state);
    };
    const ready = async () => {
        const text = `It gets new sessions of pool ${backend.pool} again, if its probes pass.`;
        if (await ask({ title: `Make ${backend.backend} ready?`, text, verb: "Make ready" }))
            await put("ready", backend.state);
    };
    const disable = async () => {
        const text = `All its sessions end at once, and transfers break. ${has} Undo brings none of them back.`;
        if (await ask({ title: `Disable ${backend.backend}?`, text, verb: "Disable", isHarsh: true }))
            await put("disabled", backend.state);
    };
    const changeWeight = async () => {
        const chosen = await ask({
            title: `Weight of ${backend.backend}`,
            text: "A backend of twice the weight gets twice the sessions. 0 means no new ones. It holds until Ballast is restarted.",
            verb: "Set weight",
            number: { label: "Weight, 0 to 256", value: backend.weight, most: 256 },
        });
        if (chosen) await weigh(Number(chosen), backend.weight);
    };
    const label = (verb: string) => `${verb} ${backend.backend} of pool ${backend.pool}`;
    return (
        <div class="actions">
            {backend.state !== "ready" && (
                <button type="button" aria-label={label("Make ready")} onClick={ready}>
                    Ready
                </button>
            )}
            {backend.state === "ready" && (
                <button type="button" aria-label={label("Drain")} onClick={drain}>
                    Drain
                </button>
            )}
            {backend.state !== "disabled" && (
                <button type="button" aria-label={label("Disable")} onClick={disable}>
                    Disable
                </button>
            )}
            <button type="button" aria-label={label("Weight of")} onClick={changeWeight}>
                Weight
            </button>
        </div>
    );
}
