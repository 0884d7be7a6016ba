// When a likely next edit is worth a hint, where the hint stands and what it says. Plain values in, plain
// values out: knows neither VS Code nor the server.

/** An edit as `codeflow/nextEdit` answers it. */
export interface NextEdit {
    readonly textDocument: { readonly uri: string; readonly version: number | null };
    readonly range: { readonly start: Place; readonly end: Place };
    readonly text: string | null;
    readonly reason: string;
    readonly score: number;
    readonly key: string;
}

export interface Place {
    readonly line: number;
    readonly character: number;
}

/** What somebody sees of an editor. */
export interface View {
    readonly uri: string;
    readonly line: number; // the cursor's
    readonly first: number; // visible lines, both included
    readonly last: number;
}

// Shares of all likelihood. After 532 steps of real changes (docs/log.md), 59% of the places with at least 0.15
// were edited sooner or later, and 69% of those with 0.5: good enough for a hint where the place is in view, and
// for one where somebody types.
const WORTH_A_LOOK = 0.15;
const SURE = 0.5;
const LONGEST = 48; // characters of a reason: behind a line of code there is not much room

/** The best edit that was not sent away and is likely enough for its place. */
export function chosen(
    edits: readonly NextEdit[],
    view: View,
    sentAway: ReadonlySet<string>,
): NextEdit | undefined {
    return edits.find(
        (edit) => !sentAway.has(nameOf(edit)) && edit.score >= (isInView(edit, view) ? WORTH_A_LOOK : SURE),
    );
}

/** What stays the same where the server finds an edit again after a key was typed elsewhere. */
export function nameOf(edit: NextEdit): string {
    return `${edit.textDocument.uri} ${edit.reason}`;
}

export function isInView(edit: NextEdit, view: View): boolean {
    const line = edit.range.start.line;
    return edit.textDocument.uri === view.uri && view.first <= line && line <= view.last;
}

/** Whether the cursor stands at the edit, so that the next step is to accept it. */
export function isAtHand(edit: NextEdit, view: View): boolean {
    const { start, end } = edit.range;
    const last = Math.max(start.line, end.character ? end.line : end.line - 1);
    return edit.textDocument.uri === view.uri && start.line <= view.line && view.line <= last;
}

/** The words behind a line: where to, if that is elsewhere; why; by which key. */
export function wording(edit: NextEdit, view: View, name: string, key: string): string {
    const { line } = edit.range.start;
    const inThisFile = `${line > view.line ? "↓" : "↑"} line ${line + 1}`;
    const where = edit.textDocument.uri === view.uri ? inThisFile : `→ ${name}`;
    const reason = edit.reason.replace(/\s+/g, " ").trim();
    const why = reason.length > LONGEST ? `${reason.slice(0, LONGEST - 1)}…` : reason;
    return [isInView(edit, view) ? "" : where, why, key].filter(Boolean).join(" · ");
}

/** Where two texts differ: `from` to `to` of the old one is `text` in the new one. */
export function difference(old: string, now: string): { from: number; to: number; text: string } {
    let from = 0;
    while (from < Math.min(old.length, now.length) && old[from] === now[from]) {
        from += 1;
    }
    let behind = 0;
    while (behind < Math.min(old.length, now.length) - from && old.at(-1 - behind) === now.at(-1 - behind)) {
        behind += 1;
    }
    return { from, to: old.length - behind, text: now.slice(from, now.length - behind) };
}

/** A new text on one line of the editor: its first line, and how many more there are. */
export function onOneLine(text: string): string {
    const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
    const more = lines.length - 1;
    return more ? `${lines[0]} ⏎ +${more} line${more > 1 ? "s" : ""}` : lines[0];
}
