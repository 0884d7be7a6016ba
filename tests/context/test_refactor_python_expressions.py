"""Expressions under names, names replaced by values, literals as constants: what comes of it, or why not."""

from __future__ import annotations

import pytest

from context.refactor import Refused
from context.refactor.python.equivalence import require_same
from tests.benchmarks.refactorings import measure
from tests.refactoring import done, marked, offered, outcome, undone

EXTRACTED = {
    "before its statement": (
        "def f(u):\n    print(«u.full_name()», 2)\n",
        "def f(u):\n    full_name = u.full_name()\n    print(full_name, 2)\n",
    ),
    "named after the keyword": (
        "f(width=«a + b»)\n",
        "width = a + b\nf(width=width)\n",
    ),
    "named after the parameter": (
        "def f(a, size): pass\nf(1, «x * 2»)\n",
        "def f(a, size): pass\nsize2 = x * 2\nf(1, size2)\n",
    ),
    "the first of several": ("x = «a or b» or c\n", "condition = a or b\nx = condition or c\n"),
    "a statement of its own": ("«g(1)»  # c\n", "g2 = g(1)  # c\n"),
    "a name runs into no word": ("def f(b): return(«b.c»)\n", "def f(b): c = b.c; return(c)\n"),
    "a name taken in a nested function": (
        "def f(b):\n    g(«b.c»)\n    def h(): return c\n",
        "def f(b):\n    c2 = b.c\n    g(c2)\n    def h(): return c\n",
    ),
    "over lines, into parentheses": (
        "x = [é +\n     «b *\n     c»]\r\n",
        "value = (b *\n     c)\nx = [é +\n     value]\r\n",
    ),
    "a generator that is all arguments": ("f«(a for a in b)»\n", "items = (a for a in b)\nf(items)\n"),
    "the first iterable": ("x = [a for a in «b.c»]\n", "c = b.c\nx = [a for a in c]\n"),
    "a literal anywhere": ("x = lambda: a and «10»\n", "number = 10\nx = lambda: a and number\n"),
    "a default and a decorator": ("@d\ndef f(x=«b.c»): pass\n", "x2 = b.c\n@d\ndef f(x=x2): pass\n"),
    "of an f-string": ("y = f'{a.b} {«c.d»:>3}'\n", "d = c.d\ny = f'{a.b} {d:>3}'\n"),
    "the subject of match": ("match «a.b»:\n  case 1: pass\n", "b = a.b\nmatch b:\n  case 1: pass\n"),
    "awaited": (
        "async def f():\n    g(«await h()»)\n",
        "async def f():\n    h2 = await h()\n    g(h2)\n",
    ),
    "a callee is there before and after": ("a.b.c(«d()»)\n", "d2 = d()\na.b.c(d2)\n"),
    "tabs and a missing last line end": ("if a:\n\tf(«b + c»)", "if a:\n\tvalue = b + c\n\tf(value)"),
    "one of two equal ones": ("f(«a.b», a.b)\n", "b = a.b\nf(b, a.b)\n"),
}
NOT_EXTRACTED = {
    "a call before it": ("f(g(), «u.name()»)\n", "What the statement does before"),
    "a call before what it reads": ("f(g(), «u.name»)\n", "What the statement does before"),
    "read before what it may change": ("x = a.b + «f()»\n", "What the statement does before"),
    "read before, augmented": ("a.b += «a.f()»\n", "What the statement does before"),
    "its target's index, after the value": ("a[«b.c»] = d()\n", "What the statement does before"),
    "a walrus before it": ("f(y := 1, «y + 1»)\n", "What the statement does before"),
    "a method that this file replaces": (
        "class A:\n    def f(self):\n        self.run = 1\n        self.run(«self.g()»)\n",
        "What the statement does before",
    ),
    "behind and": ("x = a and «b.c»\n", "depends on what stands before 'and'"),
    "in a branch": ("x = a if b else «c.d»\n", "one of the two cases"),
    "in a chain": ("x = a < b < «c.d»\n", "comparison before it holds"),
    "per element": ("x = [«a.b» for a in c]\n", "anew for every element"),
    "a later iterable": ("x = [a for b in c for a in «b.d»]\n", "anew for every element"),
    "in a lambda": ("x = lambda a: «a.b»\n", "whenever the lambda is called"),
    "a condition of while": ("while «a.b»: pass\n", "anew in every round"),
    "of an elif": ("if a: pass\nelif «b.c»: pass\n", "conditions before it"),
    "of a guard": ("match a:\n  case b if «b.c»: pass\n", "pattern matches"),
    "the second context": ("with a() as b, «b.c()»: pass\n", "within the context before it"),
    "an assertion's message": ("assert a, «b.c»\n", "if the assertion fails"),
    "in a class": ("class A:\n    x = «b.c»\n", "attribute of the class"),
    "a type": ("x: «a.b» = 2\n", "Type checkers"),
    "a target": ("«a.b» = 2\n", "assigned to here"),
    "a target of for": ("for «a.b» in c: pass\n", "assigned to here"),
    "printed as written": ("x = f'{«a.b»=}'\n", "prints how it is written"),
    "an except clause": ("try: pass\nexcept «a.b»: pass\n", "after an exception"),
}
INLINED = {
    "a comment stays": ("«x» = a.b()  # why\nf(x)\n", "# why\nf(a.b())\n"),
    "parentheses": ("«x» = a + b\ny = x * 2\n", "y = (a + b) * 2\n"),
    "no parentheses": ("«x» = a if b else c\nf(x, k=x2)\n", "f(a if b else c, k=x2)\n"),
    "a number's attribute": ("«x» = 3\ny = x.real\n", "y = (3).real\n"),
    "a literal into code that runs later": (
        "def f():\n    «x» = 3; y = 1\n    return lambda: x + y\n",
        "def f():\n    y = 1\n    return lambda: 3 + y\n",
    ),
    "an object by its name, into a loop": (
        "def f(a, b):\n    «x» = a\n    for i in b: g(x)\n",
        "def f(a, b):\n    for i in b: g(a)\n",
    ),
    "twice, where nothing changes": (
        "def f(a):\n    «x» = a.b\n    if a:\n        return x\n    return x\n",
        "def f(a):\n    if a:\n        return a.b\n    return a.b\n",
    ),
    "never used": ("def f():\n    «x» = g()\n", "def f():\n    g()\n"),
    "from a use": ("def f(a):\n    x = a.b\n    return «x»\n", "def f(a):\n    return a.b\n"),
    "into an f-string": ("x = a['k']\ny = f\"{«x»}\"\n", "y = f\"{a['k']}\"\n"),
    "last on its line": (
        "def f():\n    g(); «x» = h()\n    return x\n",
        "def f():\n    g()\n    return h()\n",
    ),
}
NOT_INLINED = {
    "a call moves past a call": ("«x» = a()\ny = b() + x\n", "may change something"),
    "a call, not right after": ("«x» = a()\ny = 1\nz = x\n", "may change something"),
    "a call into a branch": ("«x» = a()\nif b:\n    f(x)\n", "may change something"),
    "a new object for each": ("«x» = a + b\ny = x, x\n", "a value of its own"),
    "what it reads is assigned": ("«x» = a\na = 2\nf(x)\n", "'a' may be given another value"),
    "what it reads is assigned in the loop": (
        "«x» = a\nfor i in b:\n    f(x)\n    a = 2\n",
        "'a' may be given another value",
    ),
    "an attribute is assigned": ("«x» = a.b\na.b = 2\nf(x)\n", "may be changed"),
    "a call between": ("«x» = a.b\nf()\ng(x)\n", "may be changed"),
    "the condition calls": ("«x» = a.b\ny = x if f() else 1\n", "may be changed"),
    "the value's side is first": ("«x» = a.b\nc[x] = g()\n", "may be changed"),
    "a loop calls": ("«x» = a.b\nfor i in c:\n    f(x)\n", "may be changed"),
    "runs later": ("def f(a):\n    «x» = a.b\n    return lambda: x\n", "runs later"),
    "not always assigned": ("if a:\n    «x» = 1\nf(x)\n", "may have no value yet"),
    "assigned twice": ("«x» = 1\nx = 2\n", "more than once"),
    "in a class": ("class A:\n    «x» = 1\n    y = x\n", "attribute of the class"),
    "quotes in an f-string": ("«x» = a['k']\ny = f'{x}'\n", "f-string"),
    "printed by its name": ("«x» = 1\ny = f'{x=}'\n", "how it is written"),
    "asked for by name": ("def f():\n    «x» = 1\n    return locals(), x\n", "by their names"),
    "a chain": ("«x» = y = 1\nf(x)\n", "together with others"),
    "captured": ("def f(a):\n    «x» = a\n    return [x for a in b]\n", "'a' may be given another value"),
}
CONSTANTS = {
    "below the imports": (
        '"""Doc."""\nimport os\n\n\ndef f():\n    return g(«"hello world"»)\n',
        '"""Doc."""\nimport os\n\nHELLO_WORLD = "hello world"\n\n\ndef f():\n    return g(HELLO_WORLD)\n',
    ),
    "below the constants": (
        "import a\nA = 3\n\nclass B:\n    x: int = «4 * 5»\n",
        "import a\nA = 3\nVALUE = 4 * 5\n\nclass B:\n    x: int = VALUE\n",
    ),
    "not above the file's own comment": (
        "#!/bin/python\ndef f(size=«3»): pass\n",
        "#!/bin/python\nSIZE = 3\n\n\ndef f(size=SIZE): pass\n",
    ),
    "the end of the imports without a line end": ("import a; f(«'b c'»)", "Two statements share the line"),
    "in a pattern": ("match a:\n  case «'b'»: pass\n", "no expression"),
    "a list would be shared": ("f(«[1, 2]»)\n", "not offered"),
    "a docstring": ("def f():\n    «'doc'»\n", "not offered"),
}


@pytest.mark.parametrize("case", EXTRACTED)
def test_an_expression_gets_a_name(case: str) -> None:
    """The assignment stands right before, the program is the same, every other byte stays."""
    before, after = EXTRACTED[case]
    assert outcome(before, "extract-variable") == after
    document, _ = marked(before)
    assert undone(document, after) == document.text


@pytest.mark.parametrize("case", NOT_EXTRACTED)
def test_an_expression_that_must_stay(case: str) -> None:
    """Where the order or number of evaluations would change, the offer says why it cannot be taken."""
    before, sentence = NOT_EXTRACTED[case]
    offer = offered(before, "extract-variable")
    assert offer is not None and sentence in offer.disabled


@pytest.mark.parametrize("case", INLINED)
def test_a_value_takes_its_variables_place(case: str) -> None:
    """Every use has the value, in parentheses where they are needed, and the assignment is gone."""
    before, after = INLINED[case]
    assert outcome(before, "inline-variable") == after


@pytest.mark.parametrize("case", NOT_INLINED)
def test_a_variable_that_must_stay(case: str) -> None:
    """Where the value might be another at a use, the offer says why it cannot be taken."""
    before, sentence = NOT_INLINED[case]
    assert sentence in outcome(before, "inline-variable")


@pytest.mark.parametrize("case", CONSTANTS)
def test_a_literal_becomes_a_constant(case: str) -> None:
    """It stands above all that uses it, or stays."""
    before, after = CONSTANTS[case]
    found = outcome(before, "extract-constant")
    assert found == after or (not after.endswith("\n") and after in found)


@pytest.mark.parametrize(
    "text", ["f(«»a.b)\n", "f(«a»)\n", "«a.b, c».d\n", "«f(a\n", "f(«a, b»)\n", "x = «None»\n"]
)
def test_no_expression_no_offer(text: str) -> None:
    """A cursor, a plain name, half an expression, two arguments."""
    if "»" not in text:
        text = text.replace("a\n", "a»\n")
    assert offered(text, "extract-variable") is None


def test_a_given_name_must_be_one_and_be_free() -> None:
    """A name that is given is checked like any other; the place of the name is told."""
    text = "def f(a, b):\n    g(«a.b»)\n"
    assert "not a name" in outcome(text, "extract-variable", "1x")
    assert "not a name" in outcome(text, "extract-variable", "class")
    assert "already used" in outcome(text, "extract-variable", "g")
    rewrite = done(text, "extract-variable", "new")
    assert rewrite.texts[0][1] == "def f(a, b):\n    new = a.b\n    g(new)\n" and rewrite.name_at == (1, 4)
    assert "syntax error" in outcome("f(«a.b»)\ndef (:\n", "extract-variable")


def test_the_check_can_fail() -> None:
    """Another parser finds out another program: a lost parenthesis, a lost use, a lost line."""
    require_same("v = a + b\nx = v * 2\n", "v", "x = (a + b) * 2\n")
    for inlined in ("x = a + b * 2\n", "x = v * 2\n", "", "x = (a + b) * 2\ny = 1\n"):
        with pytest.raises(Refused):
            require_same("v = a + b\nx = v * 2\n", "v", inlined)


def test_random_selections_in_real_files() -> None:
    """Offers can be taken, results compile and can be undone, and the way back leads back."""
    tally = measure(60, seed=11)
    assert not tally.broken
    assert sum(tally.offers.values()) >= 30 and tally.round_trips >= 20 and tally.refusals < 0.02
