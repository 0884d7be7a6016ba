// Joins the parts: finds the server or offers to set it up, starts it, and gives it to all that ask it.
import * as vscode from "vscode";
import * as commands from "./commands";
import { discover, type Found } from "./discovery";
import { environmentOf, type Environment } from "./environment";
import * as ghostText from "./ghostText";
import * as instruction from "./instruction";
import * as nextEdit from "./nextEdit";
import { ask, isWindows } from "./programs";
import { ServerProcess } from "./server";
import { serverPath } from "./settings";
import { SetUp, TRY } from "./setup";
import * as status from "./status";
import * as statistics from "./views/statistics";
import * as why from "./views/why";

let server: ServerProcess | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
    const log = vscode.window.createOutputChannel("CodeFlow", { log: true });
    const running = new ServerProcess(log);
    server = running;
    context.subscriptions.push(log);
    [ghostText, nextEdit, instruction, why, statistics, status].forEach((part) => part.register(context, running));
    commands.register(context, log);
    const environment = await environmentOf(context);
    const setUp = new SetUp(environment, running, log, () => start());
    const start = (): Promise<void> => findAndStart(environment, setUp, running, log);
    context.subscriptions.push(
        vscode.commands.registerCommand("codeflow.restart", start),
        vscode.commands.registerCommand("codeflow.setUp", () => setUp.run()),
        vscode.workspace.onDidGrantWorkspaceTrust(start), // its environments count from now on
        vscode.workspace.onDidChangeConfiguration((event) => {
            if (event.affectsConfiguration("codeflow.server")) {
                void start();
            } else if (event.affectsConfiguration("codeflow")) {
                running.notify("workspace/didChangeConfiguration", { settings: null }); // it asks for them
            }
        }),
    );
    await start();
    if (running.status.state === "missing" && !serverPath()) {
        void setUp.offer(); // not waited for: a notification may stand for hours
    }
}

export async function deactivate(): Promise<void> {
    await server?.stop();
}

async function findAndStart(
    environment: Environment,
    setUp: SetUp,
    running: ServerProcess,
    log: vscode.LogOutputChannel,
): Promise<void> {
    const found = await find(environment, log);
    if ("problem" in found) {
        await running.stop();
        const fix = serverPath()
            ? { title: "Open the Setting", command: "codeflow.settings.open", arguments: ["codeflow.server.path"] }
            : TRY;
        running.set({ state: "missing", message: found.problem, fix });
        return;
    }
    log.info(`${found.program} (${found.version}) is started: ${found.reason}.`);
    await running.start(found.program, ghostText.middleware(running));
    if (found.own && environment.wheel && found.version !== environment.version) {
        void setUp.offerUpdate(found.version);
    }
}

function find(environment: Environment, log: vscode.LogOutputChannel): Promise<Found | { problem: string }> {
    const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
    const places = {
        setting: serverPath(),
        folders: folders.filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.fsPath),
        path: process.env.PATH ?? "",
        privateEnvironment: environment.folder,
        windows: isWindows,
    };
    const askVersion = async (program: string): Promise<{ version: string } | { problem: string }> => {
        const answer = await ask(program, ["--version"]);
        if ("problem" in answer) {
            return answer;
        }
        const version = /^codeflow-lsp (\d+\.\d+\S*)$/m.exec(answer.said)?.[1];
        return version ? { version } : { problem: "is another program" };
    };
    return discover(places, environment.version, askVersion, (line) => log.debug(line));
}
