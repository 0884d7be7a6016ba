// Commands that belong to no other part.
import * as vscode from "vscode";
import { toggleLanguage, toggleWorkspace } from "./settings";

export function register(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): void {
    const add = (name: string, run: (...args: never[]) => unknown): void => {
        context.subscriptions.push(vscode.commands.registerCommand(name, run));
    };
    add("codeflow.showLog", () => log.show());
    add("codeflow.settings.open", (name = "@ext:codeflow.codeflow-lsp") =>
        vscode.commands.executeCommand("workbench.action.openSettings", name),
    );
    add("codeflow.toggleWorkspace", toggleWorkspace);
    add("codeflow.toggleLanguage", async () => {
        const language = vscode.window.activeTextEditor?.document.languageId;
        if (language) {
            await toggleLanguage(language);
        }
    });
    add("codeflow.walkthrough", () =>
        vscode.commands.executeCommand("workbench.action.openWalkthrough", "codeflow.codeflow-lsp#codeflow.start"),
    );
}
