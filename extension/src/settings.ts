// The settings: those that the server is sent, those that the extension reads itself, and the toggles that write them.
// What a setting means is said in package.json; the server's part of it is made from the server's own definitions.
import * as vscode from "vscode";

const SECTION = "codeflow";
const OWN = ["server", "extension"]; // the server would complain of settings that it does not know

/** All of `codeflow` that concerns the server, as it asks for it. */
export function settingsFor(scope: string | vscode.Uri | undefined): object {
    const uri = typeof scope === "string" ? vscode.Uri.parse(scope, true) : scope;
    const all = vscode.workspace.getConfiguration(SECTION, uri ?? null);
    const plain = JSON.parse(JSON.stringify(all)) as Record<string, unknown>; // a proxy, and its own methods
    OWN.forEach((name) => delete plain[name]);
    const refactor = (plain.refactor ?? {});
    return { ...plain, refactor: { ...refactor, trusted: vscode.workspace.isTrusted } };
}

/** The program of the server that the user names; "" for none. */
export function serverPath(): string {
    return expanded(vscode.workspace.getConfiguration("codeflow.server").get("path", ""));
}

/** Whether all windows and editors have one process with the models, or this window one of its own. */
export function isShared(): boolean {
    return vscode.workspace.getConfiguration("codeflow.server").get("shared", true);
}

/** The Python that the private environment is made with; "" for any. */
export function serverPython(): string {
    return expanded(vscode.workspace.getConfiguration("codeflow.server").get("python", ""));
}

export function isEnabled(): boolean {
    return vscode.workspace.getConfiguration(SECTION).get("completion.enabled", true);
}

export function isEnabledFor(language: string): boolean {
    return !disabledLanguages().includes(language);
}

export async function toggleLanguage(language: string): Promise<void> {
    const left = disabledLanguages().filter((one) => one !== language);
    const languages = isEnabledFor(language) ? [...left, language].sort() : left;
    const settings = vscode.workspace.getConfiguration(SECTION);
    await settings.update("completion.disabledLanguages", languages, vscode.ConfigurationTarget.Global);
}

/** For this workspace; for the user where no folder is open. */
export async function toggleWorkspace(): Promise<void> {
    const target = vscode.workspace.workspaceFolders?.length
        ? vscode.ConfigurationTarget.Workspace
        : vscode.ConfigurationTarget.Global;
    await vscode.workspace.getConfiguration(SECTION).update("completion.enabled", !isEnabled(), target);
}

function disabledLanguages(): string[] {
    return vscode.workspace.getConfiguration(SECTION).get<string[]>("completion.disabledLanguages", []);
}

function expanded(path: string): string {
    const home = process.env.HOME ?? process.env.USERPROFILE ?? "";
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    return path.trim().replace(/^~(?=[/\\])/, home).replaceAll("${workspaceFolder}", folder);
}
