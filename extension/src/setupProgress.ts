// What the set-up of the private environment prints, line by line, as values. Knows neither VS Code nor processes.

export interface Progress {
    readonly phase?: string;
    readonly done?: number;
    readonly total?: number | null;
    readonly message?: string;
    readonly program?: string; // set up: this is the server
    readonly error?: string; // failed: a sentence
    readonly log?: string;
}

/** A line of its output; undefined for one that is no JSON object. */
export function parseProgress(line: string): Progress | undefined {
    if (!line.startsWith("{")) {
        return undefined;
    }
    try {
        return JSON.parse(line) as Progress;
    } catch {
        return undefined;
    }
}

// of the whole, as measured: nearly all of the time goes into compiling llama.cpp
const COMPILING = { from: 0.05, to: 0.85 };

/** How much of the whole set-up is done, 0 to 1. */
export function share({ phase = "", done = 0, total }: Progress): number {
    const { from, to } = COMPILING;
    const part = total ? Math.min(1, done / total) : 0;
    if (/llama/i.test(phase)) {
        return from + (to - from) * part;
    }
    return /install/i.test(phase) ? to + (1 - to) * part : from * part;
}
