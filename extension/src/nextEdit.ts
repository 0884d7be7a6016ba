// Where the next edit is likely, said quietly: after an edit has rested, an arrow and a few words in the
// colour of ghost text. One key goes there, the same key accepts the text where there is one, Esc sends it
// away. The places and texts are the server's (`codeflow/nextEdit`); when a hint is worth showing is said in
// hint.ts.
import * as vscode from "vscode";
import { isShowing, onDidChange } from "./ghostText";
import {
    chosen,
    difference,
    isAtHand,
    isInView,
    nameOf,
    onOneLine,
    wording,
    type NextEdit,
    type View,
} from "./hint";
import type { Server } from "./server";

const RESTED_MS = 400; // after the last key: nobody looks elsewhere while typing
const GHOST = new vscode.ThemeColor("editorGhostText.foreground");
const BESIDE = "0 0 0 2em";

export function register(context: vscode.ExtensionContext, server: Server): void {
    const arrow = vscode.window.createTextEditorDecorationType({
        gutterIconPath: vscode.Uri.joinPath(context.extensionUri, "media", "next-edit.svg"),
        gutterIconSize: "contain",
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
        after: { color: GHOST, margin: BESIDE },
    });
    const old = vscode.window.createTextEditorDecorationType({
        textDecoration: "line-through",
        opacity: "0.6",
    });
    const fresh = vscode.window.createTextEditorDecorationType({
        after: { color: GHOST, backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground") },
    });
    const sentAway = new Set<string>();
    let edit: NextEdit | undefined;
    let asked: { document: vscode.TextDocument; position: vscode.Position } | undefined; // for `edit`
    let waiting: NodeJS.Timeout | undefined;
    let question: vscode.CancellationTokenSource | undefined;
    let editedLine = -1;

    async function ask(withText: boolean): Promise<NextEdit[]> {
        question?.cancel();
        question = new vscode.CancellationTokenSource();
        const { token } = question;
        if (!asked) {
            return [];
        }
        const { document, position } = asked;
        const params = { textDocument: { uri: document.uri.toString() }, position, withText };
        const found = await server.request<{ edits: NextEdit[] }>("codeflow/nextEdit", params, token);
        return token.isCancellationRequested ? [] : (found?.edits ?? []).filter(isOfThisVersion);
    }

    async function look(): Promise<void> {
        const editor = vscode.window.activeTextEditor;
        if (!editor || !server.running || !isWanted(editor.document)) {
            return;
        }
        asked = { document: editor.document, position: editor.selection.active };
        const { version } = editor.document;
        const edits = await ask(false);
        if (vscode.window.activeTextEditor === editor && editor.document.version === version) {
            show(chosen(edits, viewOf(editor), sentAway));
        }
    }

    function show(found: NextEdit | undefined): void {
        if (found?.text && found.key !== edit?.key) {
            server.notify("textDocument/didShowInlineEdit", { item: { command: { arguments: [found.key] } } });
        }
        edit = found;
        draw();
    }

    /** In the active editor, where that is of this edit. Nothing beside ghost text: there somebody looks now. */
    function draw(): void {
        const active = vscode.window.activeTextEditor;
        let state = "";
        for (const editor of vscode.window.visibleTextEditors) {
            const view = viewOf(editor);
            const concerned = editor.document === asked?.document || view.uri === edit?.textDocument.uri;
            const here = edit && editor === active && concerned && !isShowing() ? edit : undefined;
            const atHand = here && isAtHand(here, view);
            const proposed = atHand && here.text !== null ? here : undefined;
            editor.setDecorations(arrow, here && !proposed ? [hintIn(editor, here, view)] : []);
            editor.setDecorations(old, proposed ? strikesIn(editor, proposed) : []);
            editor.setDecorations(fresh, proposed ? [newTextIn(editor, proposed)] : []);
            if (here) {
                state = proposed ? "acceptable" : atHand ? "here" : "elsewhere";
            }
        }
        void vscode.commands.executeCommand("setContext", "codeflow.nextEdit", state);
    }

    async function jump(): Promise<void> {
        const target = edit;
        if (!target) {
            void vscode.window.setStatusBarMessage("CodeFlow: no next edit is known here.", 3000);
            return;
        }
        const uri = vscode.Uri.parse(target.textDocument.uri, true);
        const document = await vscode.workspace.openTextDocument(uri);
        const at = new vscode.Position(target.range.start.line, target.range.start.character);
        const cursor = document.validatePosition(at.with({ character: firstDifference(document, target) }));
        const editor = await vscode.window.showTextDocument(document, {
            selection: new vscode.Range(cursor, cursor),
        });
        editor.revealRange(
            new vscode.Range(cursor, cursor),
            vscode.TextEditorRevealType.InCenterIfOutsideViewport,
        );
        show(target);
        if (target.text === null) {
            const version = document.version;
            const written = (await ask(true)).find(
                (one) =>
                    one.text !== null &&
                    one.textDocument.uri === target.textDocument.uri &&
                    one.reason === target.reason,
            );
            if (edit === target && document.version === version) {
                show(written);
            }
        }
    }

    async function accept(): Promise<void> {
        const target = edit;
        const editor = vscode.window.activeTextEditor;
        if (!target || target.text === null || editor?.document.uri.toString() !== target.textDocument.uri) {
            return;
        }
        if (!isOfThisVersion(target)) {
            return dismiss();
        }
        show(undefined);
        const { range, text } = changeOf(editor.document, target);
        if (await editor.edit((builder) => builder.replace(range, text))) {
            await vscode.commands.executeCommand("codeflow.accepted", target.key);
        }
    }

    function dismiss(): void {
        if (edit) {
            sentAway.add(nameOf(edit));
        }
        question?.cancel();
        show(undefined);
    }

    function restart(event: vscode.TextDocumentChangeEvent): void {
        const editor = vscode.window.activeTextEditor;
        if (event.document !== editor?.document || !event.contentChanges.length) {
            return;
        }
        const line = event.contentChanges[0].range.start.line;
        if (line !== editedLine) {
            sentAway.clear(); // another edit, another chance
            editedLine = line;
        }
        question?.cancel();
        clearTimeout(waiting);
        if (edit) {
            show(undefined);
        }
        if (event.reason === undefined) {
            waiting = setTimeout(() => void look().catch(() => undefined), RESTED_MS);
        }
    }

    context.subscriptions.push(
        arrow,
        old,
        fresh,
        vscode.commands.registerCommand("codeflow.nextEdit.jump", jump),
        vscode.commands.registerCommand("codeflow.nextEdit.accept", accept),
        vscode.commands.registerCommand("codeflow.nextEdit.dismiss", dismiss),
        vscode.workspace.onDidChangeTextDocument(restart),
        onDidChange(() => edit && draw()),
        vscode.window.onDidChangeActiveTextEditor(() => edit && draw()),
        vscode.window.onDidChangeTextEditorVisibleRanges(() => edit && draw()),
        vscode.window.onDidChangeTextEditorSelection(() => edit && draw()),
        { dispose: () => (clearTimeout(waiting), question?.dispose()) },
    );
}

function isWanted(document: vscode.TextDocument): boolean {
    return vscode.workspace.getConfiguration("codeflow.extension", document).get("nextEdit", true);
}

function viewOf(editor: vscode.TextEditor): View {
    const [first, last] = [editor.visibleRanges[0], editor.visibleRanges.at(-1)];
    return {
        uri: editor.document.uri.toString(),
        line: editor.selection.active.line,
        first: first?.start.line ?? 0,
        last: last?.end.line ?? -1,
    };
}

/** Whether an edit is for the text as it is: a document of its version, or a file that is not open. */
function isOfThisVersion({ textDocument: { uri, version } }: NextEdit): boolean {
    const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
    return open ? version === open.version || (version === null && !open.isDirty) : version === null;
}

/** The column where a text begins to differ, so that the cursor is where one would type. */
function firstDifference(document: vscode.TextDocument, edit: NextEdit): number {
    const { start } = edit.range;
    const line = document.validatePosition(new vscode.Position(start.line, 0)).line;
    if (edit.text === null) {
        return Math.max(start.character, document.lineAt(line).firstNonWhitespaceCharacterIndex);
    }
    return start.character + difference(document.lineAt(line).text.slice(start.character), edit.text).from;
}

function hintIn(editor: vscode.TextEditor, edit: NextEdit, view: View) {
    const name = vscode.workspace.asRelativePath(vscode.Uri.parse(edit.textDocument.uri));
    const line = isInView(edit, view) ? edit.range.start.line : view.line;
    const { end } = editor.document.lineAt(Math.min(line, editor.document.lineCount - 1)).range;
    const hover = new vscode.MarkdownString(
        `${escaped(edit.reason)}\n\n[Go there](command:codeflow.nextEdit.jump) · ` +
            "[Dismiss](command:codeflow.nextEdit.dismiss)",
    );
    hover.isTrusted = { enabledCommands: ["codeflow.nextEdit.jump", "codeflow.nextEdit.dismiss"] };
    return {
        range: new vscode.Range(end, end),
        hoverMessage: hover,
        renderOptions: {
            after: { contentText: wording(edit, view, `${name}:${edit.range.start.line + 1}`, key()) },
        },
    };
}

function strikesIn(editor: vscode.TextEditor, edit: NextEdit): vscode.DecorationOptions[] {
    const { range } = changeOf(editor.document, edit);
    return range.isEmpty ? [] : [{ range }];
}

function newTextIn(editor: vscode.TextEditor, edit: NextEdit): vscode.DecorationOptions {
    const { range, text } = changeOf(editor.document, edit);
    return {
        range: new vscode.Range(range.end, range.end),
        hoverMessage: new vscode.MarkdownString().appendCodeblock(
            edit.text ?? "",
            editor.document.languageId,
        ),
        renderOptions: { after: { contentText: `${onOneLine(text) || "(removed)"}  ${key()}`.trimEnd() } },
    };
}

/** What really changes: the least of the edit's range, and what stands there afterwards. */
function changeOf(document: vscode.TextDocument, edit: NextEdit): { range: vscode.Range; text: string } {
    const { start, end } = edit.range;
    const whole = new vscode.Range(start.line, start.character, end.line, end.character);
    const { from, to, text } = difference(document.getText(whole), edit.text ?? "");
    const offset = document.offsetAt(whole.start);
    return {
        range: new vscode.Range(document.positionAt(offset + from), document.positionAt(offset + to)),
        text,
    };
}

/** The key as it is named here. Remote, nobody knows at which system the user sits. */
function key(): string {
    return vscode.env.remoteName ? "" : process.platform === "darwin" ? "⌃⌥N" : "Alt+N";
}

function escaped(words: string): string {
    return words.replace(/[\\`*_{}[\]()#+\-.!<>|]/g, "\\$&");
}
