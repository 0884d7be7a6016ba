// The answer to `codeflow/stats` as rows for people: what became of the suggestions, how long they took.
// Plain values in, plain values out.
import { milliseconds } from "./pieces";

/** Counts of one stretch of time; never text. */
export interface Counts {
    readonly shown: number;
    readonly accepted: number; // whole
    readonly partly_accepted: number;
    readonly accepted_characters: number;
    readonly kept?: number; // characters that were still there 30 s after they were accepted
    readonly kept_of?: number; // of those that 30 s have passed for
    readonly p50_ms?: number | null;
    readonly p95_ms?: number | null;
    readonly cache_share?: number | null; // of the prompts' tokens, 0 to 1
}

export interface Row {
    readonly icon: string;
    readonly label: string;
    readonly description: string;
    readonly tooltip: string;
}

export function rowsOf(counts: Counts): Row[] {
    const accepted = counts.accepted + counts.partly_accepted;
    const partly = counts.partly_accepted ? `, ${counted(counts.partly_accepted)} in part` : "";
    return [
        row("eye", "Shown", counted(counts.shown), "Suggestions that stood at the cursor"),
        row(
            "check",
            "Accepted",
            `${counted(accepted)}${share(accepted, counts.shown)}${partly}`,
            "Whole, or by word or line; the share is of those shown",
        ),
        row(
            "pinned",
            "Kept",
            counts.kept_of ? share(counts.kept ?? 0, counts.kept_of).slice(3) : "–",
            "How much of the accepted text was still there 30 seconds later",
        ),
        row("keyboard", "Characters Saved", counted(counts.accepted_characters), "Accepted and not typed"),
        row("watch", "Median Answer", time(counts.p50_ms), "Half of all answers came within this time"),
        row("clock", "Slow Answer", time(counts.p95_ms), "95 of 100 answers came within this time"),
        row(
            "database",
            "From the Cache",
            counts.cache_share === undefined || counts.cache_share === null
                ? "–"
                : percent(counts.cache_share),
            "Prompt tokens that did not have to be evaluated again",
        ),
    ];
}

function row(icon: string, label: string, description: string, tooltip: string): Row {
    return { icon, label, description, tooltip };
}

function time(ms: number | null | undefined): string {
    return ms === undefined || ms === null ? "–" : milliseconds(ms);
}

function share(part: number, all: number): string {
    return all > 0 ? ` · ${percent(part / all)}` : "";
}

function percent(fraction: number): string {
    return `${Math.round(Math.min(1, fraction) * 100)} %`;
}

function counted(number: number): string {
    return number.toLocaleString("en-US");
}
