import assert from "node:assert/strict";
import { test } from "node:test";
import { discover, type Ask, type Found, type Places } from "../src/discovery";

const NOWHERE: Places = { setting: "", folders: [], path: "", privateEnvironment: "", windows: false };
const EVERYWHERE: Places = {
    ...NOWHERE,
    folders: ["/home/me/shop"],
    path: "/usr/bin:relative::/opt/bin",
    privateEnvironment: "/own",
};

/** Programs by their paths, with their versions. */
function machine(programs: Record<string, string>): Ask {
    return (program) =>
        Promise.resolve(program in programs ? { version: programs[program] } : { problem: "is not there" });
}

async function search(places: Places, programs: Record<string, string>): Promise<string> {
    const found = await discover(places, "0.1.0", machine(programs), () => undefined);
    return "problem" in found ? found.problem : found.program;
}

const ORDER: [string, string][] = [
    ["/home/me/shop/.venv/bin/codeflow-lsp", "it is in an environment of this workspace"],
    ["/home/me/shop/venv/bin/codeflow-lsp", "it is in an environment of this workspace"],
    ["/usr/bin/codeflow-lsp", "it is on the PATH"],
    ["/opt/bin/codeflow-lsp", "it is on the PATH"],
    ["/own/bin/codeflow-lsp", "it is the extension's own"],
];

test("each place is asked after those before it", async () => {
    for (let first = 0; first < ORDER.length; first += 1) {
        const programs = Object.fromEntries(ORDER.slice(first).map(([program]) => [program, "0.1.7"]));
        const found = (await discover(EVERYWHERE, "0.1.0", machine(programs), () => undefined)) as Found;
        const [program, reason] = ORDER[first];
        assert.deepEqual(found, { program, version: "0.1.7", reason, own: reason.endsWith("own") });
    }
});

test("what the user names is taken whatever its version, or complained of", async () => {
    const places = { ...EVERYWHERE, setting: "/mine/codeflow-lsp" };
    const others = { "/usr/bin/codeflow-lsp": "0.1.0" };
    assert.equal(await search(places, { ...others, "/mine/codeflow-lsp": "9.9" }), "/mine/codeflow-lsp");
    assert.equal(
        await search(places, others),
        "codeflow.server.path names /mine/codeflow-lsp, which is not there.",
    );
});

test("one of another version is passed over, with a word why", async () => {
    const said: string[] = [];
    const programs = { "/usr/bin/codeflow-lsp": "0.2.0", "/own/bin/codeflow-lsp": "0.1.9" };
    const found = await discover(EVERYWHERE, "0.1.0", machine(programs), (line) => said.push(line));
    assert.equal("program" in found && found.program, "/own/bin/codeflow-lsp");
    assert.ok(said.some((line) => line.includes("/usr/bin/codeflow-lsp") && line.includes("0.2.0")));
});

test("a folder on the PATH that is not absolute is the workspace's word, and not asked", async () => {
    const asked: string[] = [];
    const ask: Ask = (program) => {
        asked.push(program);
        return Promise.resolve({ problem: "is not there" });
    };
    await discover({ ...NOWHERE, path: ".:bin::/usr/bin" }, "0.1.0", ask, () => undefined);
    assert.deepEqual(asked, ["/usr/bin/codeflow-lsp"]);
});

test("on Windows environments and programs have other names", async () => {
    const places = { ...NOWHERE, folders: ["C:\\work"], path: "C:\\Tools;tools", windows: true };
    for (const program of ["C:\\work\\.venv\\Scripts\\codeflow-lsp.exe", "C:\\Tools\\codeflow-lsp.exe"]) {
        assert.equal(await search(places, { [program]: "0.1.0" }), program);
    }
});

test("where there is none it is said so", async () => {
    assert.equal(await search(NOWHERE, {}), "CodeFlow's server is not installed yet.");
});
