import assert from "node:assert/strict";
import { test } from "node:test";
import { followed, isTyped, type Change, type Given } from "../src/suggestion";

const at = (offset: number, text: string, removed = 0): Change => ({ offset, removed, text });
const given = (text: string, replaced = 0): Given => ({ text, offset: 10, replaced, reached: 0 });
const fates = (start: Given, ...changes: Change[]): (string | undefined)[] => {
    let now: Given | undefined = start;
    return changes.map((change) => {
        const found = now && followed(now, change);
        now = found?.given;
        return found?.fate;
    });
};

const FACTS: [string, Given, Change[], (string | undefined)[]][] = [
    ["keys are typed", given("sum(a)"), [at(10, "s"), at(11, "u")], ["typed", "typed"]],
    ["a word is accepted in part", given("sum(a)"), [at(10, "sum")], ["accepted in part"]],
    ["typed, then a word", given("sum(a)"), [at(10, "s"), at(11, "um")], ["typed", "accepted in part"]],
    [
        "word after word",
        given("a + bc"),
        [at(10, "a"), at(11, " +"), at(13, " bc")],
        ["typed", "accepted in part", "accepted"],
    ],
    ["all of it is whole", given("sum(a)"), [at(10, "sum(a)")], ["accepted"]],
    [
        "a line of several",
        given("a1\n  b2\n"),
        [at(10, "a1\n"), at(13, "  b2\n")],
        ["accepted in part", "accepted"],
    ],
    ["a line that ends as on Windows", given("a1\r\n  b2"), [at(10, "a1\r\n")], ["accepted in part"]],
    ["whole over a closing bracket", given("a, b)", 1), [at(10, "a, b)", 1)], ["accepted"]],
    ["whole, without the bracket that stands there", given("a, b)", 1), [at(10, "a, b")], ["accepted"]],
    ["a word before a closing bracket", given("ab, cd)", 1), [at(10, "ab")], ["accepted in part"]],
    ["a pair that the editor closed", given("(x)"), [at(10, "()"), at(11, "x")], ["typed", "typed"]],
    ["a pair that the suggestion has too", given("() => 1"), [at(10, "()")], ["typed"]],
    ["Enter with its indent", given("\n    return"), [at(10, "\n    ")], ["typed"]],
    ["an emoji is one key", given("😀 = 1"), [at(10, "😀")], ["typed"]],
    ["something else is typed", given("sum(a)"), [at(10, "x"), at(11, "sum")], [undefined, undefined]],
    ["elsewhere", given("sum(a)"), [at(3, "sum")], [undefined]],
    ["deleted", given("sum(a)"), [at(9, "", 1)], [undefined]],
    ["more removed than the suggestion covers", given("sum(a)"), [at(10, "sum", 4)], [undefined]],
];

for (const [fact, start, changes, expected] of FACTS) {
    test(fact, () => assert.deepEqual(fates(start, ...changes), expected));
}

test("the accepted length counts from the beginning of the text", () => {
    const once = followed(given("sum(a)"), at(10, "s"));
    assert.ok(once);
    assert.equal(followed(once.given, at(11, "um"))?.given.reached, 3);
});

test("a word is more than a key", () => {
    assert.deepEqual(["a", "é", "😀", "()", "\n  ", "ab", " a"].map(isTyped), [
        true,
        true,
        true,
        true,
        true,
        false,
        false,
    ]);
});
