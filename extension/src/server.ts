// One language server behind the client that VS Code's own library makes: started, started again, stopped, asked.
// Its state is the server's own word (`codeflow/status`), or what is known of it while it does not run.
// Knows nothing of where the program comes from.
import * as vscode from "vscode";
import { LanguageClient, RevealOutputChannelOn, State, type Middleware, type WorkspaceEdit } from "vscode-languageclient/node";
import { isShared, settingsFor } from "./settings";

export interface Fix {
    title: string;
    command: string;
    arguments?: unknown[];
}

export interface Status {
    state: "starting" | "downloading" | "ready" | "off" | "error" | "missing" | "installing";
    message: string;
    model?: string | null;
    budgetTokens?: number | null;
    reason?: string | null;
    fix?: Fix | null;
    index?: { state: string; done: number; total: number; seconds: number } | null;
}

export interface Server {
    readonly status: Status;
    readonly onStatus: vscode.Event<Status>;
    readonly running: boolean;
    /** The server's answer; undefined where no server runs, or where it was cancelled. */
    request<T>(method: string, params?: unknown, token?: vscode.CancellationToken): Promise<T | undefined>;
    notify(method: string, params: unknown): void;
    /** Has VS Code apply an edit of the server's; one that needs confirmation opens the Refactor Preview. */
    apply(edit: WorkspaceEdit): Promise<boolean>;
}

const RESTARTS = 4; // within three minutes; one that crashes more often would go on crashing

/** The one that main.ts starts and stops. */
export class ServerProcess implements Server {
    private client: LanguageClient | undefined;
    private current: Status = { state: "starting", message: "The server is being looked for." };
    private readonly changed = new vscode.EventEmitter<Status>();
    readonly onStatus = this.changed.event;

    constructor(private readonly log: vscode.LogOutputChannel) {}

    get status(): Status {
        return this.current;
    }

    get running(): boolean {
        return this.client?.state === State.Running;
    }

    set(status: Status): void {
        this.current = status;
        this.log.info(`${status.state}: ${status.message}`);
        this.changed.fire(status);
    }

    /** Start `program`; what ran before is stopped first. */
    async start(program: string, middleware: Middleware): Promise<void> {
        await this.stop();
        const client = new LanguageClient(
            "codeflow",
            "CodeFlow",
            { command: program, args: ["--stdio", ...(isShared() ? [] : ["--alone"])] },
            {
                documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "vscode-notebook-cell" }],
                outputChannel: this.log,
                revealOutputChannelOn: RevealOutputChannelOn.Never,
                connectionOptions: { maxRestartCount: RESTARTS },
                initializationOptions: () => settingsFor(undefined),
                initializationFailedHandler: () => false,
                middleware: {
                    ...middleware,
                    workspace: { configuration: ({ items }) => items.map(({ scopeUri }) => settingsFor(scopeUri)) },
                },
            },
        );
        this.client = client;
        this.set({ state: "starting", message: "The server is starting." });
        client.onNotification("codeflow/status", (status: Status) => this.set(status));
        client.onDidChangeState(({ newState, oldState }) => {
            if (client !== this.client) {
                return;
            }
            if (newState === State.Stopped && oldState === State.Running) {
                this.set({ state: "starting", message: "The server has stopped and is being started again." });
            } else if (newState === State.Stopped || newState === State.StartFailed) {
                this.failed("The server does not start, or stopped again and again. The log says more.");
            }
        });
        try {
            await client.start();
        } catch (error) {
            if (client === this.client) {
                this.failed(`The server does not start: ${error instanceof Error ? error.message : String(error)}`);
            }
        }
    }

    async stop(): Promise<void> {
        const client = this.client;
        this.client = undefined;
        try {
            await client?.dispose(2000);
        } catch (error) {
            this.log.debug(`the server did not stop in time: ${String(error)}`);
        }
    }

    async request<T>(method: string, params?: unknown, token?: vscode.CancellationToken): Promise<T | undefined> {
        const client = this.client;
        if (client?.state !== State.Running) {
            return undefined;
        }
        try {
            return await (token
                ? client.sendRequest<T>(method, params ?? {}, token)
                : client.sendRequest<T>(method, params ?? {}));
        } catch (error) {
            if (!token?.isCancellationRequested) {
                this.log.warn(`${method}: ${String(error)}`);
            }
            return undefined;
        }
    }

    notify(method: string, params: unknown): void {
        if (this.client?.state === State.Running) {
            void this.client.sendNotification(method, params).catch(() => undefined); // it is just stopping
        }
    }

    async apply(edit: WorkspaceEdit): Promise<boolean> {
        const converted = await this.client?.protocol2CodeConverter.asWorkspaceEdit(edit);
        return converted !== undefined && vscode.workspace.applyEdit(converted);
    }

    private failed(message: string): void {
        this.set({ state: "error", message, fix: { title: "Restart the Server", command: "codeflow.restart" } });
    }
}
