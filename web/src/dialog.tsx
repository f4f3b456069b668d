// SPDX-License-Identifier: Apache-2.0
// Questions before something is changed, and what came of it, with a way back.
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "./marks.tsx";
import { visible } from "./format.ts";

export interface Question {
    title: string;
    text: string;
    verb: string;
    isHarsh?: boolean;
    choices?: ReadonlyArray<{ value: string; label: string }>;
    number?: { label: string; value: number; most: number };
}

interface Asked extends Question {
    answer: (value: string | null) => void;
}

export interface Notice {
    text: string;
    isProblem?: boolean;
    undo?: () => void;
}

let show: (asked: Asked) => void = () => {};
let post: (notice: Notice) => void = () => {};

/** The choice, the number, or "yes"; null: rather not. */
export function ask(question: Question): Promise<string | null> {
    return new Promise((answer) => show({ ...question, answer }));
}
export function tell(notice: Notice): void {
    post(notice);
}

/** Does it and tells what came of it. */
export async function perform(what: () => Promise<unknown>, done: string, undo?: () => void): Promise<void> {
    try {
        await what();
        tell(undo ? { text: done, undo } : { text: done });
    } catch (why) {
        tell({ text: why instanceof Error ? why.message : String(why), isProblem: true });
    }
}

export function Questions() {
    const [asked, setAsked] = useState<Asked | null>(null);
    const [value, setValue] = useState("");
    const box = useRef<HTMLDialogElement>(null);
    const before = useRef<Element | null>(null);
    show = (next) => {
        before.current = document.activeElement;
        setValue(next.choices?.[0]?.value ?? String(next.number?.value ?? "yes"));
        setAsked(next);
    };
    useEffect(() => {
        if (asked) box.current?.showModal();
    }, [asked]);
    if (!asked) return null;
    const close = (answer: string | null) => {
        asked.answer(answer);
        // Nothing behind an open one can have the focus.
        box.current?.close();
        setAsked(null);
        if (before.current instanceof HTMLElement) before.current.focus();
    };
    const isValid = !asked.number || (/^\d+$/.test(value) && Number(value) <= asked.number.most);
    return (
        <dialog ref={box} aria-labelledby="question" onCancel={() => close(null)}>
            <form
                method="dialog"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (isValid) close(value);
                }}
            >
                <h2 id="question">{visible(asked.title)}</h2>
                <p>{visible(asked.text)}</p>
                {asked.choices && (
                    <fieldset>
                        <legend class="unseen">How</legend>
                        {asked.choices.map((each) => (
                            <label key={each.value}>
                                <input
                                    type="radio"
                                    name="choice"
                                    checked={value === each.value}
                                    onChange={() => setValue(each.value)}
                                />{" "}
                                {each.label}
                            </label>
                        ))}
                    </fieldset>
                )}
                {asked.number && (
                    <label class="field">
                        {asked.number.label}
                        <input
                            type="number"
                            min={0}
                            max={asked.number.most}
                            value={value}
                            onInput={(event) => setValue(event.currentTarget.value)}
                        />
                    </label>
                )}
                <div class="buttons">
                    <button type="button" onClick={() => close(null)}>
                        Cancel
                    </button>
                    <button type="submit" class={asked.isHarsh ? "harsh" : "main"} disabled={!isValid}>
                        {asked.verb}
                    </button>
                </div>
            </form>
        </dialog>
    );
}

const noticeTime = 30_000;

export function Notices() {
    const [notices, setNotices] = useState<ReadonlyArray<Notice & { id: number }>>([]);
    const number = useRef(0);
    const remove = (id: number) => setNotices((all) => all.filter((each) => each.id !== id));
    post = (notice) => {
        const id = ++number.current;
        setNotices((all) => [...all.slice(-2), { ...notice, id }]);
        setTimeout(() => remove(id), noticeTime);
    };
    return (
        <div class="notices" role="status" aria-live="polite">
            {notices.map((each) => (
                <div class="notice" key={each.id}>
                    <Mark level={each.isProblem ? "bad" : "good"}>{visible(each.text)}</Mark>
                    {each.undo && (
                        <button
                            type="button"
                            onClick={() => {
                                remove(each.id);
                                each.undo?.();
                            }}
                        >
                            Undo
                        </button>
                    )}
                    <button type="button" class="plain" aria-label="Dismiss" onClick={() => remove(each.id)}>
                        ×
                    </button>
                </div>
            ))}
        </div>
    );
}
