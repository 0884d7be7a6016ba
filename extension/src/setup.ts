// The questions of the set-up: shall the server be installed, with which Python, and what now that it failed?
import * as vscode from "vscode";
import { findPython, install, type Environment } from "./environment";
import type { Fix, ServerProcess } from "./server";
import { serverPython } from "./settings";

const CHOOSE = "Choose Python…";
export const TRY: Fix = { title: "Set Up CodeFlow", command: "codeflow.setUp" };

export class SetUp {
    private isRunning = false;

    constructor(
        private readonly environment: Environment,
        private readonly server: ServerProcess,
        private readonly log: vscode.LogOutputChannel,
        private readonly start: () => Promise<void>,
    ) {}

    /** At the first start. */
    async offer(): Promise<void> {
        const question =
            "CodeFlow needs its server, a Python program. Install it into an environment of its own? " +
            "It takes some minutes and 1 GB, and nothing else on this machine is changed.";
        const answer = await vscode.window.showInformationMessage(question, "Set Up", CHOOSE, "Not Now");
        if (answer === "Set Up") {
            await this.run();
        } else if (answer === CHOOSE) {
            await this.runWithChosen();
        }
    }

    /** After the extension was updated. */
    async offerUpdate(installed: string): Promise<void> {
        const question = `CodeFlow ${this.environment.version} can be installed in place of ${installed}.`;
        if ((await vscode.window.showInformationMessage(question, "Install", "Later")) === "Install") {
            await this.run();
        }
    }

    /** Install or bring up to date, then start. `named`: the Python to do it with. */
    async run(named = serverPython()): Promise<void> {
        if (this.isRunning) {
            return;
        }
        this.isRunning = true;
        let problem = "";
        try {
            await this.install(named);
        } catch (error) {
            problem = error instanceof Error ? error.message : String(error);
        } finally {
            this.isRunning = false;
        }
        if (problem) {
            await this.failed(problem);
        }
    }

    private async install(named: string): Promise<void> {
        const python = await findPython(named, (line) => this.log.info(line));
        if (!python) {
            throw new Error("No Python 3.11 or newer, with its venv module, was found; install one, or choose it.");
        }
        await this.server.stop(); // on Windows the files of a program that runs cannot be replaced
        const onStep = (message: string): void => this.server.set({ state: "installing", message });
        onStep("The server is being set up.");
        const program = await install(this.environment, python, this.log, onStep);
        if (program) {
            await this.start();
        } else {
            const fix = { ...TRY, title: "Go On With the Set-Up" };
            this.server.set({ state: "missing", message: "The set-up was stopped; it goes on where it was.", fix });
        }
    }

    private async failed(message: string): Promise<void> {
        this.server.set({ state: "missing", message, fix: { ...TRY, title: "Try the Set-Up Again" } });
        const answer = await vscode.window.showErrorMessage(`CodeFlow: ${message}`, "Show Log", CHOOSE);
        if (answer === "Show Log") {
            this.log.show();
        } else if (answer === CHOOSE) {
            await this.runWithChosen();
        }
    }

    private async runWithChosen(): Promise<void> {
        const [chosen] =
            (await vscode.window.showOpenDialog({
                title: "A Python 3.11 or newer",
                openLabel: "Use This Python",
                canSelectMany: false,
            })) ?? [];
        if (chosen) {
            await this.run(chosen.fsPath);
        }
    }
}
