import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProgress, share } from "../src/setupProgress";

test("lines of the set-up are values, all others are not", () => {
    const line = '{"phase": "Building llama.cpp", "done": 12, "total": 345, "message": "12 of 345"}';
    assert.equal(parseProgress(line)?.done, 12);
    assert.deepEqual(parseProgress('{"program": "/own/bin/codeflow-lsp"}'), { program: "/own/bin/codeflow-lsp" });
    for (const other of ["", "Collecting numpy", "{", '{"program": '] ) {
        assert.equal(parseProgress(other), undefined);
    }
});

test("the share grows from phase to phase and stays between 0 and 1", () => {
    const steps = [
        { phase: "Making the environment" },
        { phase: "Building llama.cpp", done: 0, total: 345 },
        { phase: "Building llama.cpp", done: 345, total: 345 },
        { phase: "Installing CodeFlow", done: 0, total: null },
        { phase: "Installing CodeFlow", done: 9, total: 9 },
    ].map(share);
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
    assert.ok(steps.every((step) => 0 <= step && step <= 1));
    assert.equal(steps.at(-1), 1);
});
