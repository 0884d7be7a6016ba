// What the extension adds to VS Code's own ghost text: nothing while it is snoozed or was sent away with Esc,
// and word to the server of what was shown and what was accepted by word or line (a whole acceptance is the
// item's command). Knows neither models nor prompts; the items come from the language client and go on to VS
// Code unchanged.
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import type { Server } from "./server";
import { followed, type Given } from "./suggestion";

const DRAWN_MS = 60; // until VS Code has drawn what it was given, or another suggestion in its place
const SENT_MS = 20; // until the language client has sent a change
const REMEMBERED = 100; // keys of suggestions, sent away or reported

interface Offered {
    readonly document: vscode.TextDocument;
    readonly version: number;
    readonly position: vscode.Position;
    readonly items: readonly { readonly item: vscode.InlineCompletionItem; readonly given: Given }[];
}

// one extension host has one cursor that somebody looks at: this is what stands there
let offered: Offered | undefined;
let requests = 0;
let snoozedUntil = 0;
let hiddenAt: { document: vscode.TextDocument; version: number } | undefined;
const sentAway = new Set<string>();
const reported = new Set<string>();
const shown = new vscode.EventEmitter<string>();
const changed = new vscode.EventEmitter<void>();

/** Fires with a suggestion's key when it is on the screen for the first time. */
export const onDidShow = shown.event;

/** Fires when ghost text of ours comes up, and when Esc takes it away. */
export const onDidChange = changed.event;

/** Whether an answer of the server is awaited. */
export function isAsking(): boolean {
    return requests > 0;
}

/** Whether ghost text of ours stands at the cursor, as far as an extension can know. */
export function isShowing(): boolean {
    return offered !== undefined && isAtCursor(offered);
}

/** Show nothing until `time` (milliseconds as Date.now() counts them); 0 ends it. */
export function snoozeUntil(time: number): void {
    snoozedUntil = time;
    if (time > Date.now()) {
        offered = undefined;
        void vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    }
}

export function middleware(server: Server): Pick<Middleware, "provideInlineCompletionItems"> {
    return {
        async provideInlineCompletionItems(document, position, context, token, next) {
            const invoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
            if (invoked) {
                hiddenAt = undefined;
                sentAway.clear();
            } else if (isQuiet(document)) {
                return [];
            }
            requests += 1;
            let found;
            try {
                found = await next(document, position, context, token);
            } finally {
                requests -= 1;
            }
            if (!found || token.isCancellationRequested || (!invoked && isQuiet(document))) {
                return [];
            }
            const items = (Array.isArray(found) ? found : found.items).filter(
                (item) => !sentAway.has(keyOf(item)),
            );
            offer(server, document, position, items);
            return items;
        },
    };
}

export function register(context: vscode.ExtensionContext, server: Server): void {
    context.subscriptions.push(
        shown,
        changed,
        vscode.commands.registerCommand("codeflow.hideGhostText", hide),
        server.onStatus(({ state }) => {
            if (state === "starting") {
                offered = undefined; // a new server counts its keys from one
                reported.clear();
                sentAway.clear();
            }
        }),
        vscode.workspace.onDidChangeTextDocument((event) => follow(server, event)),
        vscode.workspace.onDidCloseTextDocument((document) => {
            if (offered?.document === document) {
                offered = undefined;
            }
        }),
    );
}

/** Esc: hide it as VS Code would, and neither ask again before the next edit nor show the same again. */
function hide(): Thenable<unknown> {
    const document = vscode.window.activeTextEditor?.document;
    hiddenAt = document && { document, version: document.version };
    if (offered && isAtCursor(offered)) {
        offered.items.forEach(({ item }) => note(sentAway, keyOf(item)));
    }
    offered = undefined;
    changed.fire();
    return vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
}

/** Whether nothing is to be shown unasked. */
function isQuiet(document: vscode.TextDocument): boolean {
    return (
        Date.now() < snoozedUntil ||
        (hiddenAt?.document === document && hiddenAt.version === document.version)
    );
}

function offer(
    server: Server,
    document: vscode.TextDocument,
    position: vscode.Position,
    items: vscode.InlineCompletionItem[],
): void {
    if (!items.length) {
        offered = undefined;
        return;
    }
    const now: Offered = {
        document,
        version: document.version,
        position,
        items: items.map((item) => ({ item, given: givenOf(document, position, item) })),
    };
    offered = now;
    setTimeout(() => {
        const key = keyOf(items[0]);
        if (offered !== now || !isAtCursor(now)) {
            return;
        }
        changed.fire();
        if (!reported.has(key)) {
            note(reported, key);
            server.notify("textDocument/didShowCompletion", { item: plain(items[0]) });
            shown.fire(key);
        }
    }, DRAWN_MS);
}

function givenOf(
    document: vscode.TextDocument,
    position: vscode.Position,
    item: vscode.InlineCompletionItem,
): Given {
    const range = item.range ?? new vscode.Range(position, position);
    const start = document.offsetAt(range.start);
    return {
        text: textOf(item),
        offset: start,
        replaced: document.offsetAt(range.end) - document.offsetAt(position),
        reached: document.offsetAt(position) - start, // more than 0 where an entry of the menu is completed
    };
}

function isAtCursor({ document, version, position }: Offered): boolean {
    const editor = vscode.window.activeTextEditor;
    return (
        editor?.document === document &&
        document.version === version &&
        editor.selection.active.isEqual(position)
    );
}

/** A change of the document: typed along, accepted by word or line, or the end of the suggestion. */
function follow(server: Server, event: vscode.TextDocumentChangeEvent): void {
    if (!offered || event.document !== offered.document || !event.contentChanges.length) {
        return;
    }
    const was = offered;
    offered = undefined;
    if (event.contentChanges.length > 1 || event.reason !== undefined) {
        return; // several cursors; undo and redo
    }
    const { rangeOffset: offset, rangeLength: removed, text } = event.contentChanges[0];
    const left = was.items.flatMap(({ item, given }) => {
        const found = followed(given, { offset, removed, text });
        return found ? [{ item, ...found }] : [];
    });
    if (!left.length) {
        return;
    }
    const { item, given, fate } = left[0];
    if (fate !== "typed") {
        // all of it too: its last word may have been accepted by word, which runs no command; counted once
        const acceptedLength = fate === "accepted" ? given.text.length : given.reached;
        const params = { item: plain(item), acceptedLength };
        // once the server has the text: the language client hears of a change after this part does
        setTimeout(() => server.notify("textDocument/didPartiallyAcceptCompletion", params), SENT_MS);
    }
    if (fate === "accepted") {
        return;
    }
    const position = event.document.positionAt(given.offset + given.reached);
    offered = { ...was, version: event.document.version, position, items: left };
}

function keyOf(item: vscode.InlineCompletionItem): string {
    return String(item.command?.arguments?.[0] ?? "");
}

function textOf(item: vscode.InlineCompletionItem): string {
    return typeof item.insertText === "string" ? item.insertText : item.insertText.value;
}

/** An item as the protocol has it. */
function plain(item: vscode.InlineCompletionItem): object {
    const { start, end } = item.range ?? {};
    return { insertText: textOf(item), range: start && end && { start, end }, command: item.command };
}

function note(keys: Set<string>, key: string): void {
    keys.add(key);
    if (keys.size > REMEMBERED) {
        keys.delete(keys.values().next().value as string);
    }
}
