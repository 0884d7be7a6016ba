// The private environment: a Python of the user's, the server from the wheel that comes with the extension, and all that
// it needs from the package index. The work is the wheel's own (`lsp_server.bootstrap`), which goes on where it was
// stopped. Asks the user nothing.
import * as vscode from "vscode";
import { readdir } from "node:fs/promises";
import * as path from "node:path";
import { ask, follow, isWindows } from "./programs";
import { parseProgress, share } from "./setupProgress";

const OLDEST: readonly [number, number] = [3, 11];
const NAMES = ["python3.13", "python3.12", "python3.11", "python3.14", "python3", "python"];
const CHECK = "import sys, venv, ensurepip; print(*sys.version_info[:2])";

export interface Environment {
    readonly folder: string; // of the private environment
    readonly wheel: string; // the server's, "" where the extension came without
    readonly version: string; // of that wheel
}

export async function environmentOf(context: vscode.ExtensionContext): Promise<Environment> {
    const folder = path.join(context.globalStorageUri.fsPath, "environment");
    const bundled = vscode.Uri.joinPath(context.extensionUri, "server").fsPath;
    const files = await readdir(bundled).catch(() => []);
    const wheel = files.find((file) => file.endsWith(".whl")) ?? "";
    const version = String((context.extension.packageJSON as { version: string }).version);
    return { folder, wheel: wheel && path.join(bundled, wheel), version: wheel.split("-")[1] ?? version };
}

/** A Python that can make environments: the one that is named, or the first that is found. */
export async function findPython(named: string, tell: (line: string) => void): Promise<string | undefined> {
    const commands = named ? [[named]] : [...NAMES.map((name) => [name]), ...(isWindows ? [["py", "-3"]] : [])];
    for (const [program, ...args] of commands) {
        const answer = await ask(program, [...args, "-c", CHECK]);
        const [major, minor] = "said" in answer ? answer.said.split(" ").map(Number) : [0, 0];
        if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
            return [program, ...args].join(" ");
        }
        const problem = "problem" in answer ? answer.problem : `is Python ${major}.${minor}`;
        tell(`${program} ${problem}; Python ${OLDEST.join(".")} or newer, with venv, is needed.`);
    }
    return undefined;
}

/**
 * Make or bring up to date the private environment, with progress that can be cancelled. The server's program;
 * undefined where the user stopped it. Throws an Error with a sentence to act on.
 */
export async function install(
    environment: Environment,
    python: string,
    log: vscode.LogOutputChannel,
    onStep: (message: string) => void,
): Promise<string | undefined> {
    if (!environment.wheel) {
        throw new Error("This build of the extension came without the server; set codeflow.server.path instead.");
    }
    const options = {
        location: vscode.ProgressLocation.Notification,
        title: "CodeFlow: setting up",
        cancellable: true,
    };
    return vscode.window.withProgress(options, async (progress, token) => {
        const stopping = new AbortController();
        token.onCancellationRequested(() => stopping.abort());
        let program: string | undefined;
        let problem = "";
        let reported = 0;
        const onLine = (line: string): void => {
            const said = parseProgress(line);
            if (!said) {
                log.info(line);
                return;
            }
            program = said.program ?? program;
            problem = said.error ?? problem;
            if (said.message) {
                const now = Math.max(reported, share(said));
                progress.report({ message: said.message, increment: 100 * (now - reported) });
                reported = now;
                onStep(said.message);
            }
        };
        const [command, ...first] = python.startsWith("py ") ? python.split(" ") : [python];
        const args = ["-m", "lsp_server.bootstrap", "--venv", environment.folder, "--wheel", environment.wheel, "--json"];
        log.info(`${python} ${args.join(" ")}`);
        // the wheel is an archive that Python imports from; -P keeps the current folder out
        const env = { PYTHONPATH: environment.wheel, PYTHONSAFEPATH: "1" };
        const status = await follow(command, [...first, ...args], env, onLine, stopping.signal);
        if (status === null) {
            return undefined;
        }
        if (status !== 0 || !program) {
            throw new Error(problem || "The set-up failed; its log says why.");
        }
        return program;
    });
}
