// What `codeflow/explain` says of a suggestion, as lines for people: a head, and one line for each piece of
// the prompt. Plain values in, plain values out.

export interface Piece {
    readonly source: string;
    readonly path: string;
    readonly tokens: number;
    readonly commits: readonly string[];
    readonly why: string;
}

/** The answer to `codeflow/explain`; the times are there for a suggestion, not for a place. */
export interface Explanation {
    readonly source?: string;
    readonly total_ms?: number;
    readonly prompt_tokens: number;
    readonly cached_tokens?: number;
    readonly generated_tokens?: number;
    readonly whole?: boolean;
    readonly pieces: readonly Piece[];
}

/** Icons of VS Code's own set, by source. */
const ICONS: Readonly<Record<string, string>> = {
    prefix: "edit",
    suffix: "edit",
    middle: "edit",
    "this file": "file-code",
    "open file": "go-to-file",
    "recent edits": "pencil",
    imports: "references",
    "same folder": "folder",
    tests: "beaker",
    "similar code": "search",
    "other files": "files",
    "project map": "list-tree",
    history: "history",
    "past changes": "git-commit",
    diagnostics: "warning",
    "earlier session": "archive",
};
const ORIGINS: Readonly<Record<string, string>> = {
    model: "from the model",
    "typed along": "typed along",
    foreseen: "asked ahead",
};
const OWN = new Set(["prefix", "suffix", "middle"]);
const NAMES: Readonly<Record<string, string>> = {
    prefix: "before the cursor",
    suffix: "after the cursor",
    middle: "at the cursor",
};
/** What stands for no file in a prompt. */
const COLLECTED: Readonly<Record<string, string>> = {
    PROJECT_MAP: "Project map",
    COMMITS: "Last commits",
    BRANCH: "This branch",
    "problems.txt": "Problems",
};
const CHANGES = new Set(["recent edits", "history", "past changes"]);
const BAR = 8; // characters of a share's bar

export function iconOf(piece: Piece): string {
    return ICONS[piece.source] ?? "symbol-misc";
}

/** "model, 182 ms" and "871 of 1,024 tokens were known". */
export function headOf(found: Explanation): { label: string; description: string } {
    const origin = ORIGINS[found.source ?? ""] ?? "";
    const label = [origin, found.total_ms === undefined ? "" : milliseconds(found.total_ms)]
        .filter(Boolean)
        .join(", ");
    const { prompt_tokens: all, cached_tokens: cached = 0 } = found;
    const description = !all
        ? "no prompt was needed"
        : found.total_ms === undefined
          ? `${counted(all)} tokens`
          : `${counted(cached)} of ${counted(all)} tokens from the cache`;
    return { label: capital(label || "a prompt for this place"), description };
}

/** The file that a piece is from or about, by its path in its folder; "" where that is none. */
export function fileOf(piece: Piece): string {
    if (piece.path in COLLECTED) {
        return "";
    }
    const path = piece.path.replace(/ \((signatures|above \d+|below \d+)\)$/, "");
    return CHANGES.has(piece.source) ? path.replace(/(\.history)?\.diff$/, "") : path;
}

/** The pieces that hold something. */
export function held(found: Explanation): Piece[] {
    return found.pieces.filter((piece) => piece.tokens > 0);
}

export function labelOf(piece: Piece): string {
    const name = COLLECTED[piece.path] ?? fileOf(piece).split("/").at(-1);
    return OWN.has(piece.source) ? capital(NAMES[piece.source]) : name || capital(piece.source);
}

/** "▰▰▱▱▱▱▱▱ 312 · recent edits · changed a minute ago". */
export function describe(piece: Piece, all: number): string {
    const source = OWN.has(piece.source) || !fileOf(piece) ? "" : piece.source;
    return [`${bar(piece.tokens, all)} ${counted(piece.tokens)}`, source, piece.why]
        .filter(Boolean)
        .join(" · ");
}

/** A share of all as a bar; what is there at all fills a step. */
export function bar(part: number, all: number): string {
    const share = all > 0 ? Math.min(1, part / all) : 0;
    const full = Math.max(part > 0 ? 1 : 0, Math.round(share * BAR));
    return "▰".repeat(full) + "▱".repeat(BAR - full);
}

export function milliseconds(ms: number): string {
    return ms >= 10_000
        ? `${(ms / 1000).toFixed(1)} s`
        : ms < 1
          ? "under 1 ms"
          : `${counted(Math.round(ms))} ms`;
}

/** The whole explanation as text, to be pasted into a report. */
export function asText(found: Explanation): string {
    const { label, description } = headOf(found);
    const lines = held(found).map((piece) => {
        const about = [piece.path, piece.why, piece.commits.map((sha) => sha.slice(0, 10)).join(" ")];
        const told = about.filter(Boolean).join(" · ");
        return [String(piece.tokens).padStart(6), piece.source.padEnd(15), told].join("  ");
    });
    return [`${label}; ${description}`, ...lines.map((line) => line.trimEnd())].join("\n");
}

function counted(number: number): string {
    return number.toLocaleString("en-US");
}

function capital(words: string): string {
    return words.charAt(0).toUpperCase() + words.slice(1);
}
