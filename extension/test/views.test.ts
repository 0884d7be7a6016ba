import assert from "node:assert/strict";
import { test } from "node:test";
import { remembered, toChoose } from "../src/history";
import { rowsOf } from "../src/views/figures";
import {
    asText,
    bar,
    describe,
    fileOf,
    headOf,
    iconOf,
    labelOf,
    milliseconds,
    type Piece,
} from "../src/views/pieces";

const piece = (more: Partial<Piece> = {}): Piece => ({
    source: "imports",
    path: "store/cart.py",
    tokens: 312,
    commits: [],
    why: "imported here",
    ...more,
});

test("the head says where it came from, how long it took, what the cache saved", () => {
    const told = { source: "model", total_ms: 181.6, prompt_tokens: 1024, cached_tokens: 871, pieces: [] };
    assert.deepEqual(headOf(told), {
        label: "From the model, 182 ms",
        description: "871 of 1,024 tokens from the cache",
    });
    const along = { source: "typed along", total_ms: 0.2, prompt_tokens: 0, pieces: [] };
    assert.deepEqual(headOf(along), {
        label: "Typed along, under 1 ms",
        description: "no prompt was needed",
    });
    assert.equal(headOf({ prompt_tokens: 1024, pieces: [] }).label, "A prompt for this place");
});

test("a piece is a name, a share, a source and a reason", () => {
    assert.equal(labelOf(piece()), "cart.py");
    assert.equal(labelOf(piece({ source: "project map", path: "" })), "Project map");
    assert.equal(labelOf(piece({ source: "prefix" })), "Before the cursor");
    assert.equal(labelOf(piece({ source: "history", path: "COMMITS" })), "Last commits");
    assert.equal(describe(piece(), 624), "▰▰▰▰▱▱▱▱ 312 · imports · imported here");
    assert.equal(describe(piece({ source: "prefix", why: "" }), 312), "▰▰▰▰▰▰▰▰ 312");
    assert.equal(iconOf(piece({ source: "a source of a later version" })), "symbol-misc");
});

test("a piece is of a file, whatever the prompt calls it", () => {
    const cases: [string, string, string][] = [
        ["imports", "store/cart.py", "store/cart.py"],
        ["recent edits", "store/cart.py.diff", "store/cart.py"],
        ["history", "store/cart.py.history.diff", "store/cart.py"],
        ["past changes", "store/cart.py.diff", "store/cart.py"],
        ["open file", "fix.diff", "fix.diff"],
        ["this file", "store/cart.py (above 2)", "store/cart.py"],
        ["this file", "store/cart.py (signatures)", "store/cart.py"],
        ["project map", "PROJECT_MAP", ""],
        ["diagnostics", "problems.txt", ""],
    ];
    for (const [source, path, file] of cases) {
        assert.equal(fileOf(piece({ source, path })), file);
    }
});

test("a bar shows what is there at all", () => {
    assert.deepEqual(
        [bar(0, 100), bar(1, 1000), bar(50, 100), bar(9, 0)],
        ["▱▱▱▱▱▱▱▱", "▰▱▱▱▱▱▱▱", "▰▰▰▰▱▱▱▱", "▰▱▱▱▱▱▱▱"],
    );
    assert.deepEqual([0.4, 999, 1500, 12_345].map(milliseconds), [
        "under 1 ms",
        "999 ms",
        "1,500 ms",
        "12.3 s",
    ]);
});

test("the explanation as text holds every piece with its commits", () => {
    const commits = ["0123456789abcdef", "fedcba9876543210"];
    const text = asText({ source: "model", total_ms: 5, prompt_tokens: 10, pieces: [piece({ commits })] });
    assert.equal(
        text,
        "From the model, 5 ms; 0 of 10 tokens from the cache\n" +
            "   312  imports          store/cart.py · imported here · 0123456789 fedcba9876",
    );
});

test("statistics are rows with shares, and dashes where nothing is known", () => {
    const nothing = { shown: 0, accepted: 0, partly_accepted: 0, accepted_characters: 0 };
    assert.deepEqual(
        rowsOf(nothing).map((row) => row.description),
        ["0", "0", "–", "0", "–", "–", "–"],
    );
    const much = { shown: 1200, accepted: 250, partly_accepted: 50, accepted_characters: 12_345 };
    const more = { kept: 90, kept_of: 120, p50_ms: 143.4, p95_ms: 612, cache_share: 0.934 };
    assert.deepEqual(
        rowsOf({ ...much, ...more }).map((row) => row.description),
        ["1,200", "300 · 25 %, 50 in part", "75 %", "12,345", "143 ms", "612 ms", "93 %"],
    );
});

test("what is typed comes before what was said earlier", () => {
    const history = ["Use a dictionary", "add a docstring"];
    assert.deepEqual(toChoose("", history), history);
    assert.deepEqual(toChoose("dict", history), ["dict", "Use a dictionary"]);
    assert.deepEqual(toChoose("add a docstring", history), ["add a docstring"]);
    assert.deepEqual(remembered(history, "add a docstring"), ["add a docstring", "Use a dictionary"]);
    assert.equal(
        remembered(
            Array.from({ length: 50 }, (_, n) => `${n}`),
            "x",
        ).length,
        20,
    );
});
