// Running programs: ask one for a few words, or follow one that works for minutes and end it with all it has started.
// Knows neither VS Code nor what the programs do.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const ANSWER_MS = 10_000; // for a few words: a cold disk, a virus scanner

export const isWindows = process.platform === "win32";

/** What a program says on standard output, or a problem that continues the sentence "it ...". */
export function ask(program: string, args: readonly string[]): Promise<{ said: string } | { problem: string }> {
    return new Promise((resolve) => {
        execFile(program, args, { timeout: ANSWER_MS, windowsHide: true }, (error, stdout) => {
            if (!error) {
                resolve({ said: stdout.trim() });
            } else if (error.code === "ENOENT" || error.code === "ENOTDIR") {
                resolve({ problem: "is not there" });
            } else {
                resolve({ problem: error.killed ? "did not answer in time" : "does not run" });
            }
        });
    });
}

/** Run to the end, each line of its output to `onLine`; the exit status, or null where `signal` ended it. */
export function follow(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
    signal: AbortSignal,
): Promise<number | null> {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, {
            env: { ...process.env, ...env },
            stdio: ["ignore", "pipe", "pipe"],
            detached: !isWindows, // a process group of its own, to be ended as one
            windowsHide: true,
        });
        const end = (): void => endAll(child);
        signal.addEventListener("abort", end, { once: true });
        child.on("error", reject);
        for (const stream of [child.stdout, child.stderr]) {
            createInterface({ input: stream }).on("line", onLine);
        }
        child.on("close", (code) => {
            signal.removeEventListener("abort", end);
            resolve(signal.aborted ? null : (code ?? 1));
        });
    });
}

/** A compiler's driver, its children and theirs. */
function endAll(child: ChildProcess): void {
    if (child.pid === undefined) {
        return;
    }
    if (isWindows) {
        spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"], { windowsHide: true });
        return;
    }
    try {
        process.kill(-child.pid, "SIGTERM");
    } catch {
        child.kill();
    }
}
