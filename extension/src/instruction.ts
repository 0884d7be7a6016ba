// Edit by instruction: words from the user become an edit that the server makes, checks and has VS Code
// preview or apply. And what the server cannot see by itself: where the cursor rests, and what other
// extensions say of the code.
import * as vscode from "vscode";
import type { CodeAction } from "vscode-languageclient/node";
import { isAsking } from "./ghostText";
import { remembered, toChoose } from "./history";
import type { Server } from "./server";

const HISTORY = "codeflow.instructions";
const CURSOR_RESTS_MS = 150;
const DIAGNOSTICS_REST_MS = 300; // other servers send several lots for one edit
const MOST_DIAGNOSTICS = 100; // of a document; the prompt has room for the nearest few

export function register(context: vscode.ExtensionContext, server: Server): void {
    context.subscriptions.push(
        vscode.commands.registerCommand("codeflow.edit", (words?: unknown) =>
            edit(context.workspaceState, server, typeof words === "string" ? words : ""),
        ),
        vscode.languages.registerCodeActionsProvider(
            [{ scheme: "file" }, { scheme: "untitled" }],
            { provideCodeActions: offers },
            { providedCodeActionKinds: [vscode.CodeActionKind.RefactorRewrite] },
        ),
        whenResting(CURSOR_RESTS_MS, vscode.window.onDidChangeTextEditorSelection, ({ textEditor }) => {
            if (server.running && textEditor === vscode.window.activeTextEditor && !isAsking()) {
                const uri = textEditor.document.uri.toString();
                server.notify("codeflow/cursor", { uri, position: textEditor.selection.active });
            }
        }),
        watchDiagnostics(server),
    );
}

/** In the menu where somebody opens it, not a light bulb beside every line. */
function offers(
    _: vscode.TextDocument,
    range: vscode.Range,
    { triggerKind, only }: vscode.CodeActionContext,
): vscode.CodeAction[] {
    const kind = vscode.CodeActionKind.RefactorRewrite;
    if (
        triggerKind !== vscode.CodeActionTriggerKind.Invoke ||
        range.isEmpty ||
        (only && !only.contains(kind))
    ) {
        return [];
    }
    const action = new vscode.CodeAction("Edit by instruction…", kind);
    action.command = { title: action.title, command: "codeflow.edit" };
    return [action];
}

async function edit(memory: vscode.Memento, server: Server, words: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
        return;
    }
    const { document, selection } = editor;
    const instruction = words || (await ask(memory.get<string[]>(HISTORY, []), selection));
    if (!instruction) {
        return;
    }
    await memory.update(HISTORY, remembered(memory.get<string[]>(HISTORY, []), instruction));
    if (!server.running) {
        void vscode.window.showWarningMessage(`CodeFlow: no server is running. ${server.status.message}`);
        return;
    }
    const { start, end } = selection;
    const action = await server.request<CodeAction | null>("codeflow/edit", {
        textDocument: { uri: document.uri.toString() },
        range: { start, end },
        instruction,
        preview: vscode.workspace
            .getConfiguration("codeflow.extension", document)
            .get("previewInstructions", true),
    });
    if (!action) {
        return;
    }
    const { version } = document;
    const resolved = await vscode.window.withProgress(
        {
            location: vscode.ProgressLocation.Notification,
            cancellable: true,
            title: `CodeFlow: ${instruction}`,
        },
        (_, token) => server.request<CodeAction>("codeAction/resolve", action, token),
    );
    if (document.version !== version) {
        void vscode.window.showWarningMessage("CodeFlow: the text was changed meanwhile; ask again.");
    } else if (resolved?.edit) {
        await server.apply(resolved.edit);
    } // else the server has said why not
}

/** The words, typed or taken from the latest ones. */
function ask(history: readonly string[], selection: vscode.Selection): Promise<string | undefined> {
    const box = vscode.window.createQuickPick();
    const { start, end } = selection;
    const last = end.character === 0 && end.line > start.line ? end.line : end.line + 1;
    const lines = start.line + 1 === last ? `line ${last}` : `lines ${start.line + 1} to ${last}`;
    const what = selection.isEmpty ? "the function or statement at the cursor" : lines;
    box.title = "CodeFlow: Edit by Instruction";
    box.placeholder = `What to do with ${what}, such as “use a dictionary”`;
    box.matchOnDescription = false;
    const refresh = () => {
        box.items = toChoose(box.value, history).map((label) => ({ label, alwaysShow: true }));
    };
    refresh();
    return new Promise((resolve) => {
        box.onDidChangeValue(refresh);
        box.onDidAccept(() => {
            resolve(box.activeItems[0]?.label ?? box.value.trim());
            box.hide();
        });
        box.onDidHide(() => {
            resolve(undefined);
            box.dispose();
        });
        box.show();
    });
}

function watchDiagnostics(server: Server): vscode.Disposable {
    const waiting = new Set<string>();
    return whenResting(
        DIAGNOSTICS_REST_MS,
        vscode.languages.onDidChangeDiagnostics,
        () => {
            for (const document of vscode.workspace.textDocuments) {
                const uri = document.uri.toString();
                if (waiting.has(uri) && server.running) {
                    const diagnostics = vscode.languages
                        .getDiagnostics(document.uri)
                        .slice(0, MOST_DIAGNOSTICS);
                    server.notify("codeflow/diagnostics", { uri, diagnostics: diagnostics.map(plain) });
                }
            }
            waiting.clear();
        },
        ({ uris }) => uris.forEach((uri) => waiting.add(uri.toString())),
    );
}

function plain({ range: { start, end }, message, severity, source }: vscode.Diagnostic): object {
    return { range: { start, end }, message, severity: severity + 1, source }; // LSP counts from 1
}

/** Calls `act` with the latest event once none has come for `delay` ms; `note` is told each of them. */
function whenResting<T>(
    delay: number,
    event: vscode.Event<T>,
    act: (latest: T) => void,
    note: (each: T) => void = () => undefined,
): vscode.Disposable {
    let timer: NodeJS.Timeout | undefined;
    const listening = event((each) => {
        note(each);
        clearTimeout(timer);
        timer = setTimeout(() => act(each), delay);
    });
    return { dispose: () => (listening.dispose(), clearTimeout(timer)) };
}
