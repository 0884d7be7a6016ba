// The status bar's item: an icon for the state, the sentence as its tooltip, and on a click what can be done about it.
import * as vscode from "vscode";
import { snoozeUntil } from "./ghostText";
import type { Server, Status } from "./server";
import { isEnabledFor, toggleLanguage, toggleWorkspace } from "./settings";

const ICONS: Readonly<Record<Status["state"], string>> = {
    starting: "$(loading~spin)",
    installing: "$(cloud-download)",
    downloading: "$(cloud-download)",
    ready: "$(sparkle)",
    off: "$(circle-slash)",
    missing: "$(warning)",
    error: "$(error)",
};
const MINUTES = [5, 15, 60];

type Choice = vscode.QuickPickItem & { readonly run?: () => unknown };

export function register(context: vscode.ExtensionContext, server: Server): void {
    const item = vscode.window.createStatusBarItem("codeflow.status", vscode.StatusBarAlignment.Right, 100);
    item.name = "CodeFlow";
    item.command = "codeflow.menu";
    const snooze = new Snooze(() => show());

    function show(): void {
        const { status } = server;
        const quiet = snooze.left() > 0 || isOffHere();
        item.text = quiet && status.state === "ready" ? "$(bell-slash) CodeFlow" : `${ICONS[status.state]} CodeFlow`;
        item.backgroundColor =
            status.state === "error" || status.state === "missing"
                ? new vscode.ThemeColor("statusBarItem.warningBackground")
                : undefined;
        item.tooltip = tooltip(status, snooze.left());
        item.accessibilityInformation = { label: `CodeFlow: ${status.message}`, role: "button" };
        item.show();
    }

    show();
    context.subscriptions.push(
        item,
        snooze,
        server.onStatus(show),
        vscode.window.onDidChangeActiveTextEditor(show),
        vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("codeflow") && show()),
        vscode.commands.registerCommand("codeflow.menu", () => menu(server, snooze)),
        vscode.commands.registerCommand("codeflow.snooze", () => askHowLong(snooze)),
        vscode.commands.registerCommand("codeflow.unsnooze", () => snooze.end()),
    );
}

/** Quiet for some minutes. */
class Snooze implements vscode.Disposable {
    private until = 0;
    private timer: NodeJS.Timeout | undefined;

    constructor(private readonly onChange: () => void) {}

    left(): number {
        return Math.max(0, Math.ceil((this.until - Date.now()) / 60_000));
    }

    begin(minutes: number): void {
        this.until = Date.now() + minutes * 60_000;
        snoozeUntil(this.until);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.end(), minutes * 60_000);
        this.onChange();
    }

    end(): void {
        this.until = 0;
        snoozeUntil(0);
        clearTimeout(this.timer);
        this.onChange();
    }

    dispose(): void {
        clearTimeout(this.timer);
    }
}

function tooltip(status: Status, snoozed: number): vscode.MarkdownString {
    const text = new vscode.MarkdownString(undefined, true);
    const lines = [status.message];
    if (status.state === "ready" && status.reason) {
        lines.push(`Model: ${status.reason}`);
    }
    if (status.index?.state === "indexing") {
        lines.push(`Reading the folder: ${status.index.done} of ${status.index.total} files.`);
    }
    if (snoozed) {
        lines.push(`Quiet for ${snoozed} more minute${snoozed > 1 ? "s" : ""}.`);
    }
    text.appendMarkdown("**CodeFlow**");
    lines.forEach((line) => text.appendMarkdown("\n\n").appendText(line));
    return text;
}

function isOffHere(): boolean {
    const language = vscode.window.activeTextEditor?.document.languageId;
    return language !== undefined && !isEnabledFor(language);
}

async function menu(server: Server, snooze: Snooze): Promise<void> {
    const { status } = server;
    const language = vscode.window.activeTextEditor?.document.languageId;
    const command = (label: string, name: string, ...args: unknown[]): Choice => ({
        label,
        run: () => vscode.commands.executeCommand(name, ...args),
    });
    const heading = (label: string): Choice => ({ label, kind: vscode.QuickPickItemKind.Separator });
    const choices: Choice[] = [];
    if (status.fix) {
        choices.push(command(`$(wrench) ${status.fix.title}`, status.fix.command, ...(status.fix.arguments ?? [])));
    }
    if (language) {
        const on = isEnabledFor(language);
        const label = `${on ? "$(circle-slash) Disable" : "$(check) Enable"} Suggestions for ${language}`;
        choices.push({ label, run: () => toggleLanguage(language) });
    }
    const off = status.state === "off";
    const folder = vscode.workspace.workspaceFolders?.length ? "in This Workspace" : "Everywhere";
    choices.push({
        label: `${off ? "$(check) Enable" : "$(circle-slash) Disable"} CodeFlow ${folder}`,
        run: toggleWorkspace,
    });
    choices.push(
        snooze.left()
            ? { label: "$(bell) End the Snooze", description: `${snooze.left()} min left`, run: () => snooze.end() }
            : { label: "$(bell-slash) Snooze…", run: () => askHowLong(snooze) },
        heading("Look"),
        command("$(question) Why This Suggestion", "codeflow.explain"),
        command("$(graph) Statistics", "codeflow.statistics.show"),
        command("$(output) Log", "codeflow.showLog"),
        heading("Server"),
        command("$(debug-restart) Restart the Server", "codeflow.restart"),
        command("$(gear) Settings", "codeflow.settings.open"),
    );
    const chosen = await vscode.window.showQuickPick(choices, { title: "CodeFlow", placeHolder: status.message });
    await chosen?.run?.();
}

async function askHowLong(snooze: Snooze): Promise<void> {
    const choices = MINUTES.map((minutes) => ({ label: minutes < 60 ? `${minutes} minutes` : "1 hour", minutes }));
    const chosen = await vscode.window.showQuickPick(choices, { title: "CodeFlow", placeHolder: "Quiet for" });
    if (chosen) {
        snooze.begin(chosen.minutes);
    }
}
