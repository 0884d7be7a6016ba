"""Places in texts and what the scripted model (tests/scripted_server.py) makes of them, for every editor."""

from __future__ import annotations

# a text with the cursor's mark, and the text once all is accepted; None where no one answer is the right one
PLACES = {
    "at the end of a line": ("x = |\n", "x = 1\n"),
    "before a bracket that the editor closed": ("print(|)\n", "print('hello')\n"),
    "before more of the line": ("print(|)  # said\n", None),
    "behind characters of four bytes": ("é = '😀'; 😀 = |\n", "é = '😀'; 😀 = 'é'\n"),
    "on several lines": ("def f(|\n\n\nlast = 1\n", "def f(a, b):\n    return a + b\n\n\nlast = 1\n"),
    "on several lines, before a bracket": ("def f(|)\n", None),
    "with a tab": ("if a:\n\tb = 1\nfor one in |\n", "if a:\n\tb = 1\nfor one in all:\n\tprint(one)\n"),
}
