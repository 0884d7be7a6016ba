// A suggestion that was given to the editor, followed through the changes of its document: how much of it is
// there by now, and whether that was typed or accepted by word or by line. VS Code tells no extension of the
// latter; what it inserts does. Knows offsets and texts only, in UTF-16 units.

export interface Given {
    readonly text: string; // all that would be inserted
    readonly offset: number; // where its range begins
    readonly replaced: number; // what stands behind the cursor and is part of the text too: its length
    readonly reached: number; // how much of the text is in the document
}

export interface Change {
    readonly offset: number;
    readonly removed: number;
    readonly text: string;
}

export type Fate = "typed" | "accepted in part" | "accepted";

const CLOSED_BY_EDITOR = new Set(["()", "[]", "{}", '""', "''", "``", "<>"]);

/** What a change makes of a suggestion; undefined where the suggestion does not fit the text any more. */
export function followed(given: Given, change: Change): { given: Given; fate: Fate } | undefined {
    const rest = given.text.slice(given.reached);
    if (change.offset !== given.offset + given.reached || change.removed > given.replaced || !change.text) {
        return undefined;
    }
    const inserted =
        CLOSED_BY_EDITOR.has(change.text) && !rest.startsWith(change.text) ? change.text[0] : change.text;
    if (!rest.startsWith(inserted)) {
        return undefined;
    }
    const next = { ...given, reached: given.reached + inserted.length };
    if (isTyped(change.text)) {
        return { given: next, fate: "typed" };
    }
    // an editor that accepts all of it may leave out what stands there already
    const whole = next.text.length - next.reached <= given.replaced;
    return { given: next, fate: whole ? "accepted" : "accepted in part" };
}

/** Whether one key may have inserted this: a character, a closed pair, a line break with its indent. */
export function isTyped(text: string): boolean {
    return [...text].length === 1 || CLOSED_BY_EDITOR.has(text) || !text.trim();
}
