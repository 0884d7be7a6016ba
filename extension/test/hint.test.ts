import assert from "node:assert/strict";
import { test } from "node:test";
import {
    chosen,
    difference,
    isAtHand,
    nameOf,
    onOneLine,
    wording,
    type NextEdit,
    type View,
} from "../src/hint";

const HERE = "file:///w/cart.py";
const THERE = "file:///w/shop.py";
const view: View = { uri: HERE, line: 20, first: 10, last: 40 };
const edit = (uri: string, line: number, score: number, more: Partial<NextEdit> = {}): NextEdit => ({
    textDocument: { uri, version: 1 },
    range: { start: { line, character: 0 }, end: { line, character: 9 } },
    text: null,
    reason: `uses 'total' at ${line}`,
    score,
    key: "n1",
    ...more,
});

test("a place on the screen is worth a hint sooner than one that is not", () => {
    const cases: [NextEdit, boolean][] = [
        [edit(HERE, 30, 0.2), true],
        [edit(HERE, 30, 0.1), false],
        [edit(HERE, 90, 0.25), false],
        [edit(HERE, 90, 0.6), true],
        [edit(THERE, 30, 0.25), false],
        [edit(THERE, 30, 0.5), true],
    ];
    for (const [one, shown] of cases) {
        assert.equal(chosen([one], view, new Set()) === one, shown, JSON.stringify(one));
    }
});

test("what was sent away is not shown again, but the next best is", () => {
    const [first, second] = [edit(HERE, 30, 0.6), edit(HERE, 35, 0.3)];
    assert.equal(chosen([first, second], view, new Set([nameOf(first)])), second);
    assert.equal(chosen([first], view, new Set([nameOf(first)])), undefined);
});

test("the words say where to, why and by which key", () => {
    const name = "shop.py:31";
    assert.equal(wording(edit(HERE, 60, 1), view, name, "Alt+N"), "↓ line 61 · uses 'total' at 60 · Alt+N");
    assert.equal(wording(edit(HERE, 2, 1), view, name, ""), "↑ line 3 · uses 'total' at 2");
    assert.equal(wording(edit(THERE, 30, 1), view, name, "Alt+N"), "→ shop.py:31 · uses 'total' at 30 · Alt+N");
    assert.equal(wording(edit(HERE, 30, 1), view, name, "Alt+N"), "uses 'total' at 30 · Alt+N"); // it stands there
    assert.ok(wording(edit(HERE, 30, 1, { reason: "x ".repeat(99) }), view, name, "").length < 50);
});

test("an edit is at hand where the cursor is on its lines", () => {
    const lines = { start: { line: 19, character: 0 }, end: { line: 21, character: 0 } };
    assert.ok(isAtHand(edit(HERE, 0, 1, { range: lines }), view));
    const above = { start: { line: 18, character: 0 }, end: { line: 20, character: 0 } };
    assert.ok(!isAtHand(edit(HERE, 0, 1, { range: above }), view));
    assert.ok(!isAtHand(edit(HERE, 22, 1), view));
    assert.ok(!isAtHand(edit(THERE, 20, 1), view));
});

test("only what differs is struck out and written anew", () => {
    const cases: [string, string, ReturnType<typeof difference>][] = [
        ["total(a)", "total(a, b)", { from: 7, to: 7, text: ", b" }],
        ["old_name = 1", "new_name = 1", { from: 0, to: 3, text: "new" }],
        ["aa", "aaa", { from: 2, to: 2, text: "a" }],
        ["gone\n", "", { from: 0, to: 5, text: "" }],
        ["same", "same", { from: 4, to: 4, text: "" }],
    ];
    for (const [old, now, expected] of cases) {
        assert.deepEqual(difference(old, now), expected);
        assert.equal(old.slice(0, expected.from) + expected.text + old.slice(expected.to), now);
    }
});

test("several lines are told on one", () => {
    assert.deepEqual(["a", "a\n", "a\r\nb", "a\nb\nc\n", ""].map(onOneLine), [
        "a",
        "a",
        "a ⏎ +1 line",
        "a ⏎ +2 lines",
        "",
    ]);
});
