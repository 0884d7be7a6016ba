// The view "Statistics": what became of the suggestions in this session and since the counting began. The
// server counts and keeps the figures on this machine; they are asked for only while somebody looks.
import * as vscode from "vscode";
import { onDidShow } from "../ghostText";
import type { Server } from "../server";
import { rowsOf, type Counts, type Row } from "./figures";

interface Statistics {
    readonly session: Counts;
    readonly total: Counts;
    readonly since: string; // ISO 8601
}

type Node = { readonly title: string; readonly rows: readonly Row[] } | Row;

const EVERY_MS = 5000; // while it is looked at: 30 s after an acceptance it is known what was kept

export function register(context: vscode.ExtensionContext, server: Server): void {
    const changed = new vscode.EventEmitter<undefined>();
    let found: Statistics | undefined;
    let shown = ""; // the answer that is on the screen, as JSON

    const view = vscode.window.createTreeView<Node>("codeflow.statistics", {
        treeDataProvider: {
            onDidChangeTreeData: changed.event,
            getChildren: (node) =>
                node ? ("rows" in node ? [...node.rows] : []) : found ? groups(found) : [],
            getTreeItem: itemOf,
        },
    });
    view.message = "These numbers never leave this machine.";

    async function refresh(): Promise<void> {
        if (!view.visible || !server.running) {
            return;
        }
        const answer = await server.request<Statistics>("codeflow/stats");
        const json = JSON.stringify(answer);
        if (answer && json !== shown) {
            found = answer;
            shown = json;
            changed.fire(undefined);
        }
    }

    async function clear(): Promise<void> {
        const question = "Clear the statistics? All counts on this machine begin again at zero.";
        if ((await vscode.window.showWarningMessage(question, { modal: true }, "Clear")) === "Clear") {
            await vscode.commands.executeCommand("codeflow.stats.clear");
            await refresh();
        }
    }

    const timer = setInterval(() => void refresh(), EVERY_MS);
    context.subscriptions.push(
        view,
        changed,
        onDidShow(refresh),
        view.onDidChangeVisibility(refresh),
        server.onStatus(refresh),
        vscode.commands.registerCommand("codeflow.statistics.clear", clear),
        vscode.commands.registerCommand("codeflow.statistics.show", () =>
            vscode.commands.executeCommand("codeflow.statistics.focus"),
        ),
        { dispose: () => clearInterval(timer) },
    );
}

function groups({ session, total, since }: Statistics): Node[] {
    const date = new Date(since);
    const named = Number.isNaN(date.getTime()) ? since : date.toLocaleDateString();
    return [
        { title: "This Session", rows: rowsOf(session) },
        { title: `Since ${named}`, rows: rowsOf(total) },
    ];
}

function itemOf(node: Node): vscode.TreeItem {
    if ("rows" in node) {
        return new vscode.TreeItem(node.title, vscode.TreeItemCollapsibleState.Expanded);
    }
    const item = new vscode.TreeItem(node.label);
    item.description = node.description;
    item.iconPath = new vscode.ThemeIcon(node.icon);
    item.tooltip = node.tooltip;
    return item;
}
