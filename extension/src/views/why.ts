// The view "Why This Suggestion": what the prompt of the latest suggestion was made of, piece by piece in its
// order. It asks the server only while somebody looks.
import * as vscode from "vscode";
import { onDidShow } from "../ghostText";
import type { Server } from "../server";
import {
    asText,
    describe,
    fileOf,
    headOf,
    held,
    iconOf,
    labelOf,
    type Explanation,
    type Piece,
} from "./pieces";

type Node =
    | { readonly kind: "head"; readonly label: string; readonly description: string }
    | { readonly kind: "piece"; readonly piece: Piece; readonly all: number }
    | { readonly kind: "commit"; readonly sha: string };

export function register(context: vscode.ExtensionContext, server: Server): void {
    const changed = new vscode.EventEmitter<undefined>();
    let found: Explanation | undefined;
    let latest = ""; // the key of the suggestion that was shown last
    let read: string | undefined; // the one that `found` explains

    const view = vscode.window.createTreeView<Node>("codeflow.why", {
        treeDataProvider: {
            onDidChangeTreeData: changed.event,
            getChildren: (node) => (node ? below(node) : found ? top(found) : []),
            getTreeItem: (node) => itemOf(node),
        },
    });

    async function refresh(): Promise<void> {
        if (!view.visible || read === latest) {
            return;
        }
        const key = latest;
        const answer = await server.request<Explanation | null>("codeflow/explain", key ? { key } : {});
        if (answer && key === latest) {
            found = answer;
            read = key;
            changed.fire(undefined);
        }
    }

    context.subscriptions.push(
        view,
        changed,
        onDidShow((key) => {
            latest = key;
            void refresh();
        }),
        view.onDidChangeVisibility(refresh),
        server.onStatus(refresh),
        vscode.commands.registerCommand("codeflow.explain", () =>
            vscode.commands.executeCommand("codeflow.why.focus"),
        ),
        vscode.commands.registerCommand("codeflow.why.copy", async () => {
            if (found) {
                await vscode.env.clipboard.writeText(asText(found));
                void vscode.window.setStatusBarMessage("CodeFlow: copied.", 2000);
            }
        }),
        vscode.commands.registerCommand("codeflow.why.openFile", openFile),
        vscode.commands.registerCommand("codeflow.why.openCommit", openCommit),
    );
}

function top(found: Explanation): Node[] {
    const all = found.pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    return [
        { kind: "head", ...headOf(found) },
        ...held(found).map((piece): Node => ({ kind: "piece", piece, all })),
    ];
}

function below(node: Node): Node[] {
    return node.kind === "piece" ? node.piece.commits.map((sha) => ({ kind: "commit", sha })) : [];
}

function itemOf(node: Node): vscode.TreeItem {
    const item = new vscode.TreeItem("");
    if (node.kind === "head") {
        item.label = node.label;
        item.description = node.description;
        item.iconPath = new vscode.ThemeIcon("sparkle");
    } else if (node.kind === "commit") {
        item.label = node.sha.slice(0, 10);
        item.iconPath = new vscode.ThemeIcon("git-commit");
        item.tooltip = `${node.sha}: show this commit`;
        item.command = { title: "Show Commit", command: "codeflow.why.openCommit", arguments: [node.sha] };
    } else {
        const { piece, all } = node;
        item.label = labelOf(piece);
        item.description = describe(piece, all);
        item.iconPath = new vscode.ThemeIcon(iconOf(piece));
        item.tooltip = [piece.path, piece.source, `${piece.tokens} tokens`, piece.why]
            .filter(Boolean)
            .join("\n");
        if (piece.commits.length) {
            item.collapsibleState = vscode.TreeItemCollapsibleState.Collapsed;
        }
        const file = fileOf(piece);
        if (file) {
            item.command = { title: "Open File", command: "codeflow.why.openFile", arguments: [file] };
        }
    }
    return item;
}

/** The server calls files by their path in their folder; the folder of the active file is asked first. */
async function openFile(path: string): Promise<void> {
    for (const folder of folders()) {
        const uri = vscode.Uri.joinPath(folder, path);
        try {
            await vscode.workspace.fs.stat(uri);
        } catch {
            continue;
        }
        await vscode.window.showTextDocument(uri, { preview: true });
        return;
    }
    const open = vscode.workspace.textDocuments.find(({ uri }) => uri.path.endsWith(`/${path}`));
    if (open) {
        await vscode.window.showTextDocument(open, { preview: true });
    } else {
        void vscode.window.showInformationMessage(`CodeFlow: ${path} is not there any more.`);
    }
}

/** By the git extension where that can, otherwise the sha is copied. */
async function openCommit(sha: string): Promise<void> {
    const [root] = folders();
    try {
        await vscode.commands.executeCommand("git.viewCommit", root, sha);
    } catch {
        await vscode.env.clipboard.writeText(sha);
        void vscode.window.setStatusBarMessage(`CodeFlow: ${sha.slice(0, 10)} is copied.`, 3000);
    }
}

function folders(): vscode.Uri[] {
    const document = vscode.window.activeTextEditor?.document;
    const first = document && vscode.workspace.getWorkspaceFolder(document.uri);
    const all = vscode.workspace.workspaceFolders ?? [];
    return [...(first ? [first] : []), ...all.filter((one) => one !== first)].map(({ uri }) => uri);
}
