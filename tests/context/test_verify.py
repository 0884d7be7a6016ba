"""Checks of an edit: what is new counts, what was there before does not, and what cannot be known is said."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.document import Document
from context.language import language_of_path
from context.verify import Checks, Finding, verify, verify_all

BROKEN = "def f(:\n    pass\n\n\nx = 1\n"
TS = "import {a} from 'x';\nconst b = 1;\nexport const c = a + b;\n"
GO = 'package m\n\nimport "os"\n\nfunc f() {\n\tx := 1\n\tos.Exit(x)\n}\n'
# What it is, the file, the text before, after; then kinds with lines that are new, and kinds that are gone.
Case = tuple[str, str, str, str, list[tuple[str, int]], list[str]]
CASES: list[Case] = [
    ("nothing wrong", "a.py", "x = 1\n", "x = 2\n", [], []),
    ("does not parse", "a.py", "x = 1\n", "x = (1\n", [("syntax error", 0)], []),
    ("parses again", "a.py", BROKEN, BROKEN.replace("(:", "():"), [], ["syntax error"]),
    ("was broken and stays so", "a.py", BROKEN, BROKEN.replace("x = 1", "x = 2"), [], []),
    ("was broken, another error", "a.py", BROKEN, BROKEN.replace("x = 1", "x = = 2"),
     [("syntax error", 4)], []),
    ("no code, but parsed", "a.py", "def f():\n    return 1\n", "return 1\n", [("syntax error", 0)], []),
    ("newer Python, before and after", "a.py", "type A = int\nx = 1\n", "type A = int\nx = 2\n", [], []),
    ("undefined", "a.py", "x = 1\nprint(x)\n", "print(x)\n", [("undefined name", 0)], []),
    ("undefined before", "a.py", "print(x)\n", "print(x)\ny = 1\n", [], []),
    ("undefined once more", "a.py", "print(x)\n", "print(x)\nprint(x)\n", [("undefined name", 1)], []),
    ("defined now", "a.py", "print(x)\n", "x = 1\nprint(x)\n", [], ["undefined name"]),
    ("used before its definition", "a.py", "x = 1\n\n\ndef f():\n    print(x)\n",
     "x = 1\n\n\ndef f():\n    print(x)\n    x = 2\n", [("undefined name", 4)], []),
    ("unused import", "a.py", "import os\n\nprint(os)\n", "import os\n\nprint(1)\n",
     [("unused import", 0)], []),
    ("moved", "a.py", "import os\n\n\ndef f():\n    return y\n",
     "import sys\n\n\nimport os\n\n\ndef f():\n    return y\n", [("unused import", 0)], []),
    ("unused import of a broken file", "a.py", "import os\nx = (\n", "import os\nx = ()\n", [],
     ["syntax error"]),
    ("defined twice", "a.py", "def f():\n    pass\n", "def f():\n    pass\n\n\ndef f():\n    return 1\n",
     [("lint error", 4)], []),
    ("code left out", "a.py", "def f():\n    a()\n    b()\n\n\ndef a(): ...\n\n\ndef b(): ...\n",
     "def f():\n    a()\n    # ... rest of the code ...\n\n\ndef a(): ...\n\n\ndef b(): ...\n",
     [("omission", 2)], []),
    ("said so before", "a.py", "# ... existing code\nx = 1\n", "# ... existing code\nx = 2\n", [], []),
    ("spread, not left out", "a.js", "f(a)\n", "f(\n  ...rest,\n  a,\n)\n", [], []),
    ("code left out in braces", "a.ts", "f()\n", "f()\n// ... existing code ...\n", [("omission", 1)], []),
    ("turned letters", "a.py", "x = 1\n", "x = 'a\u202eb'\n", [("odd character", 0)], []),
    ("a NUL", "a.go", "package m\n", "package m\n// \0\n", [("odd character", 1), ("syntax error", 1)], []),
    ("half a character", "a.md", "a\n", "a\ud800\n", [("odd character", 0)], []),
    ("a form feed", "a.py", "x = 1\n", "\fx = 2\n", [], []),
    ("lost its declaration", "a.ts", TS, TS.replace("const b = 1;\n", ""), [("undefined name", 1)], []),
    ("an import without a use", "a.ts", TS, TS.replace("a + b", "b"), [("unused import", 0)], []),
    ("renamed everywhere", "a.tsx", TS, TS.replace("b", "d"), [], []),
    ("an alias", "a.js", "import {a as b} from 'x';\nb();\n", "import {a as c} from 'x';\nb();\nc();\n",
     [("undefined name", 1)], []),
    ("destructured", "a.ts", "const {a, b: [c]} = f();\na(c);\n", "const {a} = f();\na(c);\n",
     [("undefined name", 1)], []),
    ("a member of that name", "a.ts", "const b = 1;\nx.b(b);\n", "x.b();\n", [], []),
    ("a type", "a.ts", "type T = string;\nlet x: T;\n", "let x: T;\n", [("undefined name", 0)], []),
    ("a global", "a.js", "import {URL} from 'url';\nnew URL();\n", "new URL();\n", [], []),
    ("Go's import", "a.go", GO, GO.replace("os.Exit(x)", "print(x)"), [("unused import", 2)], []),
    ("Go's variable", "a.go", GO, GO.replace("\tx := 1\n", ""), [("undefined name", 5)], []),
    ("Go's field", "a.go", GO, GO.replace("os.Exit(x)", "os.Exit(T{x: x}.x)"), [], []),
    ("rust", "a.rs", "fn f() {}\n", "fn f() {\n", [("syntax error", 0)], []),
    ("JSON", "a.json", "{}\n", "{,}\n", [("syntax error", 0)], []),
    ("JSON with comments", "a.json", "// a\n{}\n", "// a\n{,}\n", [], []),
    ("TOML", "a.toml", "a = 1\n", "a = 1\nb = = 2\n", [("syntax error", 1)], []),
    ("a new JSON file", "a.json", "", "{\n", [("syntax error", 1)], []),
    ("prose", "a.md", "# a\n", "# b\n", [], []),
]  # fmt: skip
IDS = [case[0] for case in CASES]


def document(path: str, text: str) -> Document:
    return Document.of(f"file:///{path}", path, language_of_path(path).name, 1, text)


@pytest.mark.parametrize(("path", "before", "after", "worse", "better"), [c[1:] for c in CASES], ids=IDS)
@pytest.mark.parametrize("lint", [True, False], ids=["ruff", "pyflakes"])
def test_what_an_edit_changes(
    path: str, before: str, after: str, worse: list[tuple[str, int]], better: list[str], lint: bool
) -> None:
    """Both engines for Python say the same; what is new keeps an edit from being applied."""
    checks = verify(document(path, before), after, lint=lint)
    serious = [(one.kind, one.line) for one in checks.worse if one.kind != "lint warning"]
    assert sorted(serious) == sorted(worse)
    assert {one.kind for one in checks.better if one.kind != "lint warning"} == set(better)
    assert checks.applies == (not worse) and bool(checks.verdict) == bool(checks.worse)


SUMMARIES = [
    ("x = 1\n", "x = 2\n", "checked: it parses, names and imports hold, no new lint findings"),
    ("x = 1\n", "x = (\n", "1 new syntax error: '(' was never closed (line 1)"),
    ("x = 1\n", "print(y)\nprint(z)\n", "2 new undefined names: Undefined name `y` (line 1) and 1 more"),
    ("import os\n", "x = 1\n",
     "checked: it parses, names and imports hold, no new lint findings; 1 unused import less"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "summary"), SUMMARIES)
def test_the_summary_is_a_sentence(before: str, after: str, summary: str) -> None:
    """What a menu or a description shows says what was looked at, or what speaks against the edit."""
    assert verify(document("a.py", before), after).summary == summary


def test_warnings_do_not_keep_an_edit_back() -> None:
    """A linter's taste is told, and leaves the choice to the user."""
    checks = verify(document("a.py", "x = 1\n"), "x = 1\nif x == None:\n    x = 2\n")
    assert [one.code for one in checks.worse] == ["E711"] and checks.applies
    assert checks.verdict == "1 new lint warning"


def test_what_cannot_be_checked_is_said() -> None:
    """No grammar: said. A grammar that could not be used: not to be applied at once."""
    prose = verify(document("a.md", "a\n"), "b\n")
    assert prose.applies and prose.summary == "nothing here can read plaintext to check it"
    long = "let x = 1;\n" * 60_000
    checks = verify(document("a.js", long), long + "let y = 2;\n")
    assert not checks.applies and checks.verdict == "could not be checked"
    assert "larger than 512 KiB" in checks.summary


def test_several_files_are_one_edit() -> None:
    """A name that one file loses and another gains is found in the file that lost it."""
    one, two = document("a.py", "x = 1\nprint(x)\n"), document("b.py", "")
    checks = verify_all([(one, "print(x)\n"), (two, "x = 1\n")])
    assert [(finding.kind, finding.path) for finding in checks.worse] == [("undefined name", "a.py")]
    assert verify_all([]) == Checks()


def test_compiling_warns_nobody() -> None:
    """A text whose compilation warns is checked as any other, and its warning is not ours."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for lint in (True, False):
            assert verify(document("a.py", "x = 1\n"), "x = '\\d' is 1\n", lint=lint).ran
    assert not caught


NESTED = [
    "(" * 50_000,
    "-" * 100_000 + "1\n",
    "x = " + "[" * 5_000 + "]" * 5_000 + "\n",
    "a" + ".b" * 50_000 + "\n",
]
STRANGE = [
    ("nested", NESTED[0]), ("signs", NESTED[1]), ("brackets", NESTED[2]), ("chain", NESTED[3]),
    ("NUL", "\0" * 1000), ("letters of no text", bytes(range(256)).decode("latin-1") * 100),
    ("surrogates", "\ud800\udfff" * 100), ("one long line", "x = '" + "a" * 1_000_000 + "'\n"),
    ("only line ends", "\r\n\r\n\r" * 1000), ("no Python", "<html>" * 1000),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in STRANGE], ids=[case[0] for case in STRANGE])
@pytest.mark.parametrize("path", ["a.py", "a.ts", "a.go", "a.json", "a.toml"])
def test_strange_texts_are_no_crash(path: str, text: str) -> None:
    """Whatever a text holds, an answer comes in time, both ways."""
    started = time.process_time()
    assert isinstance(verify(document(path, "x = 1\n"), text).summary, str)
    assert isinstance(verify(document(path, text), "x = 1\n").summary, str)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("lint", [True, False], ids=["ruff", "pyflakes"])
def test_20_000_lines_take_less_than_a_second(lint: bool) -> None:
    """A long file is checked before and after in a second; pyflakes leaves it out, and says so."""
    text = "import os\n" + "".join(f"value_{number} = {number}\n" for number in range(20_000))
    started = time.process_time()
    checks = verify(document("a.py", text), text + "print(other)\n", lint=lint)
    assert time.process_time() - started < 1
    assert [one.kind for one in checks.worse] == (["undefined name"] if lint else [])
    assert lint or "the names of a.py were not checked" in checks.summary


LINES = st.lists(
    st.sampled_from(["import os", "x = os", "print(y)", "y = 1", "def f(:", "    pass", ")", "", "if x:"]),
    max_size=8,
).map(lambda lines: "".join(line + "\n" for line in lines))


@given(LINES, LINES)
def test_both_ways_are_mirrors(before: str, after: str) -> None:
    """What an edit makes worse, undoing it makes better, wherever both texts can be read."""
    there = verify(document("a.py", before), after, lint=False)
    back = verify(document("a.py", after), before, lint=False)
    if "syntax error" not in {one.kind for one in (*there.worse, *there.better)} and _parses(before):
        assert sorted(map(_words, there.worse)) == sorted(map(_words, back.better))


def _parses(text: str) -> bool:
    try:
        compile(text, "a.py", "exec")
    except SyntaxError:
        return False
    return True


def _words(finding: Finding) -> tuple[str, str, int]:
    return finding.kind, finding.sentence, finding.line


@given(LINES)
def test_an_unchanged_line_at_the_end_changes_nothing(text: str) -> None:
    """A comment below any text, broken or not, is neither better nor worse."""
    checks = verify(document("a.py", text), text + "# a comment\n", lint=False)
    assert not (checks.worse or checks.better) or not _parses(text)


def test_everything_here_passes(tmp_path: Path) -> None:
    """This repository's own files, each with a comment more, have no finding: no false alarm."""
    root = Path(__file__).resolve().parent.parent.parent
    for file in sorted((root / "context").rglob("*.py"))[:40]:
        text = file.read_text("utf-8")
        path = file.relative_to(root).as_posix()
        checks = verify(
            Document.of(file.as_uri(), path, "python", 1, text), text + "\n\nX_Y = 1\n", root=root
        )
        assert checks.applies and not checks.worse, (path, checks.summary)
