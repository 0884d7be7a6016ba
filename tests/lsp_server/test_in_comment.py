"""Where the cursor stands in a comment: at every place of some code, as the language's syntax tree has it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Node, Parser

from context.document import Document, Position
from context.language import grammar_of, language_named
from lsp_server.brackets import LONG_COMMENTS, is_comment
from lsp_server.place import Place
from tests.lsp_server.test_trim import LANGUAGES, code, place_between

CODE = {
    "python": '''# a module
"""Doc # not a comment."""
x = "a # b"  # after code
def f(a):
    """Say # it

    # still a docstring
    """
    y = f'{a!r:#x}'  # end
    return '\\'#' # "quoted
''',
    "typescript": """/** Doc
 * more // of it
 */
const url = "http://x"; // see http://y
const re = /\\/\\*/; const t = `// ${a} /* no */ b`;
/* one */ f(/* two */ a); // */ three
const y = a / b; /* x */ const z = c / d; // e
const small = a < b;
""",
    "typescriptreact": 'const a = <div title="x">{/* hi */}text</div>; // a comment\n',
    "javascript": "#!/usr/bin/env node\nconst a = 'x' // it's\nconst b = /[/*]/.test(a) /* c */\n",
    "go": """// Package x
package x

var s = `// raw
/* raw */`
var r = '\\'' // rune
var q = '"' /* b
 c */
""",
    "rust": """//! crate
/// doc 'a
#[derive(Debug)] // attribute
fn f<'a>(x: &'a str) -> char { '\\'' } /* a */
let s = r#"// no "#; // yes
let u = "http://"; /* x
 y */
""",
    "c": """#include <a.h> // b
char *s = "/* no */"; /* yes */
char c = '"'; // c
int a = b //* odd
;
""",
    "java": "/** Doc {@link a} */\nclass A { String u = \"http://a\"; // it's\n char c = '\\\\'; /* d */ }\n",
    "csharp": '/// <summary>\n#region x\nvar c = \'"\'; /* b */ var s = "http://a"; // c\n#endregion\n',
    "ruby": "# a\nx = \"#{a} # no\" # yes\ny = 'a#b'\nw = a #b\n",
    "php": "<?php\n// a\n$x = 'a // b'; # c\nfunction f() { return $a['#']; } /* d\n e */\n",
    "lua": "-- a\nlocal s = '-- no' -- yes\n--[[ long\nstill ]]\nlocal t = [[ -- raw ]]\nlocal u = 1 - -1\n",
    "shellscript": "#!/bin/sh\necho $# ${#x} a#b # yes\necho \"# no\" '# no' # it's\n",
    "kotlin": 'val a = "http://b" // c\n/* d\n */\nval e = \'"\' // f\n',
    "swift": 'let a = "http://x" // b\n/* c */ let d = 1 /* e\n f */\n',
    "scala": 'val a = "http://x" // b\n/* c */ val d = \'"\' // e\nval s = """// no""" // yes\n',
}


def comments(text: str, language: str) -> list[tuple[int, int]]:
    """The first and last place in each comment: behind its sign, and before the sign that ends it."""
    grammar = grammar_of(language_named(language))
    assert grammar is not None and text.isascii()  # so that bytes are characters
    found, waiting = [], [Parser(grammar).parse(text.encode()).root_node]
    while waiting:
        node: Node = waiting.pop()
        if "comment" not in node.type:
            waiting.extend(node.children)
            continue
        start, end = node.start_byte, node.end_byte
        sign = next(one for one in _SIGNS if text.startswith(one, start))
        end -= len(LONG_COMMENTS[sign]) if sign in LONG_COMMENTS else text[start:end].endswith("\n")
        found.append((start + len(sign), end))
    return found


_SIGNS = (*LONG_COMMENTS, "//", "--", "#")


@pytest.mark.parametrize(("language", "text"), CODE.items(), ids=CODE)
def test_at_every_place_as_the_tree_has_it(language: str, text: str) -> None:
    document = Document.of("file:///case", "case", language, 1, text)
    spans = comments(text, language)
    assert spans
    for line in range(len(document.lines)):
        for column in range(len(document.line(line)) + 1):
            before = "".join(document.lines[:line]) + document.line(line)[:column]
            if re.search(r"[/*\]-]$|--\[$", before):
                continue  # within a sign: nobody knows yet
            expected = any(start <= len(before) <= end for start, end in spans)
            assert Place(document, Position(line, column)).in_comment == expected, before


@settings(max_examples=300, deadline=None)  # the first call of a language builds its patterns
@given(code, code, st.sampled_from(LANGUAGES))
def test_looking_for_a_sign_first_changes_no_answer(before: str, after: str, language: str) -> None:
    place = place_between(before, after, language)
    assert place.in_comment == is_comment(place.at_cursor)
