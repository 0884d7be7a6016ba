// Which program is the server, and why: the places where one may be, in the order in which they are asked.
// Knows neither VS Code nor how a server is started; who calls says which places count and how to ask a program.
import * as path from "node:path";

/** Where to look. An empty text or list: not there. */
export interface Places {
    readonly setting: string; // a program that the user names
    readonly folders: readonly string[]; // of the workspace, if it is trusted
    readonly path: string; // the environment's PATH
    readonly privateEnvironment: string; // the extension's own
    readonly windows: boolean;
}

export interface Found {
    readonly program: string;
    readonly version: string;
    readonly reason: string;
    readonly own: boolean; // the private environment's: the extension may update it
}

/** A program's version, or why it is none of ours (a sentence without its subject and full stop). */
export type Ask = (program: string) => Promise<{ version: string } | { problem: string }>;

/**
 * The server to start. The order of search:
 *
 * 1. `codeflow.server.path`. What the user names is taken or complained of, never replaced by another.
 * 2. The environments `.venv` and `venv` of the workspace's folders, if the workspace is trusted.
 * 3. The PATH.
 * 4. The extension's private environment.
 *
 * But for the first, one of another `wanted` version (major and minor) is passed over. `tell` hears of each.
 */
export async function discover(
    places: Places,
    wanted: string,
    ask: Ask,
    tell: (line: string) => void,
): Promise<Found | { problem: string }> {
    if (places.setting) {
        const answer = await ask(places.setting);
        if ("problem" in answer) {
            return { problem: `codeflow.server.path names ${places.setting}, which ${answer.problem}.` };
        }
        return { program: places.setting, version: answer.version, reason: "codeflow.server.path names it", own: false };
    }
    for (const { program, reason, own } of candidates(places)) {
        const answer = await ask(program);
        if ("problem" in answer) {
            tell(`${program} ${answer.problem}.`);
        } else if (series(answer.version) !== series(wanted)) {
            tell(`${program} is passed over: its version is ${answer.version}, and this extension wants ${wanted}.`);
        } else {
            return { program, version: answer.version, reason, own };
        }
    }
    return { problem: "CodeFlow's server is not installed yet." };
}

function candidates(places: Places): { program: string; reason: string; own: boolean }[] {
    const style = places.windows ? path.win32 : path.posix;
    const name = places.windows ? "codeflow-lsp.exe" : "codeflow-lsp";
    const inEnvironment = (folder: string): string => style.join(folder, places.windows ? "Scripts" : "bin", name);
    const workspace = places.folders.flatMap((folder) =>
        [".venv", "venv"].map((environment) => ({
            program: inEnvironment(style.join(folder, environment)),
            reason: "it is in an environment of this workspace",
            own: false,
        })),
    );
    const onPath = places.path
        .split(style.delimiter)
        .filter((folder) => style.isAbsolute(folder)) // never the current folder
        .map((folder) => ({ program: style.join(folder, name), reason: "it is on the PATH", own: false }));
    const own = places.privateEnvironment
        ? [{ program: inEnvironment(places.privateEnvironment), reason: "it is the extension's own", own: true }]
        : [];
    return [...workspace, ...onPath, ...own];
}

function series(version: string): string {
    return version.split(".").slice(0, 2).join(".");
}
