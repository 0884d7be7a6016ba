import os
import random
import re
import string
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context.privacy import redact, redact_lines
from context.privacy.assignments import assigned
from context.privacy.formats import known_formats, plugin_expressions
from context.privacy.randomness import looks_random, random_values
from context.privacy.secrets import _is_suspicious

GOLDEN = Path(__file__).parent / "golden"
SECRETS = tomllib.loads((GOLDEN / "secrets.toml").read_text("utf-8"))["secret"]
NO_SECRETS = tomllib.loads((GOLDEN / "no_secrets.toml").read_text("utf-8"))["lines"]


def whole(case: dict[str, str]) -> str:
    return case["before"] + case["head"] + case["tail"] + case["after"]


def drawn(letters: str, length: int, seed: int = 1) -> str:
    lot = random.Random(seed)
    return "".join(lot.choice(letters) for _ in range(length))


BASE64 = string.ascii_letters + string.digits + "+/"


def private_key(kind: str = "RSA ", lines: int = 5, *, head: str = "", foot: str = "") -> list[str]:
    body = [drawn(BASE64, 64, seed) for seed in range(lines)] + ["q3Zt+A=="]
    dashes = "-" * 5
    return [
        f"{dashes}BEGIN {kind}PRIVATE KEY{foot}{dashes}",
        *head.splitlines(),
        *body,
        f"{dashes}END {kind}PRIVATE KEY{foot}{dashes}",
    ]


@pytest.mark.parametrize("case", SECRETS, ids=lambda case: case["kind"])
def test_every_planted_secret_becomes_stars_and_nothing_else_does(case: dict[str, str]) -> None:
    stars = "*" * len(case["head"] + case["tail"])
    assert redact(whole(case)) == case["before"] + stars + case["after"]


@pytest.mark.parametrize("lead", ["+", "-", "# ", "// ", " * ", "> "])
def test_a_secret_in_a_diff_or_a_comment_is_one_too(lead: str) -> None:
    for case in SECRETS:
        assert case["head"] + case["tail"] not in redact(f"{lead}{whole(case)}\n"), case["kind"]


@pytest.mark.parametrize("case", SECRETS, ids=lambda case: case["kind"])
def test_a_secret_is_found_between_other_lines_and_with_any_line_end(case: dict[str, str]) -> None:
    for end in ("\n", "\r\n", "\r"):
        text = f"import os{end}{whole(case)}{end}x = 1{end}"
        assert case["tail"] not in redact(text)
        assert redact(text).count(end) == text.count(end)


@pytest.mark.parametrize("line", NO_SECRETS)
def test_ordinary_code_stays_as_it_is(line: str) -> None:
    assert redact(line) == line
    assert redact(f"    {line}\n") == f"    {line}\n"


@pytest.mark.parametrize("line", NO_SECRETS + [whole(case) for case in SECRETS])
def test_the_quick_look_never_says_no_where_the_slow_one_finds_something(line: str) -> None:
    found = [*known_formats(line), *assigned(line), *random_values(line)]
    assert _is_suspicious(line) or not found


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("shape", ["{}", "    {}", "# {}", "+{}", '    "{}\\n"', "'{}\\n' +", "> {}"])
def test_a_private_key_over_several_lines_is_masked_between_its_first_and_last(kind: str, shape: str) -> None:
    key = private_key(kind)
    lines = ["x = 1\n", *[shape.format(line) + "\n" for line in key], "y = 2\n"]
    seen = redact_lines(lines)
    assert seen[0] == "x = 1\n"
    assert seen[-1] == "y = 2\n"
    assert seen[1] == lines[1]
    assert seen[-2] == lines[-2]
    assert not any(line in "".join(seen) for line in key[1:-1])


def test_a_pgp_block_with_headers_and_an_encrypted_key_are_masked() -> None:
    for key in (
        private_key("PGP ", foot=" BLOCK", head="Version: GnuPG v2\n\n"),
        private_key(head="Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n"),
    ):
        seen = redact("\n".join(key))
        assert not any(line in seen for line in key if len(line) == 64)
        assert "q3Zt" not in seen


def test_a_key_on_one_line_with_escaped_line_ends_is_masked() -> None:
    key = private_key()
    text = '  "private_key": "' + "\\n".join(key) + '\\n",'
    seen = redact(text)
    assert not any(line in seen for line in key[1:-1])
    assert seen.startswith('  "private_key": "-----BEGIN RSA PRIVATE KEY-----')
    assert len(seen) == len(text)


@pytest.mark.parametrize(("first", "last"), [(0, 4), (3, 8), (2, 5)])
def test_a_piece_cut_out_of_a_key_is_masked_too(first: int, last: int) -> None:
    key = private_key(lines=7)
    piece = key[first:last] if last < 8 else key[first:]
    seen = redact("\n".join(piece))
    assert not any(line in seen for line in piece if len(line) == 64)


def test_a_putty_key_is_masked() -> None:
    body = [drawn(BASE64, 64, seed) for seed in range(3)]
    text = "\n".join(["PuTTY-User-Key-File-2: ssh-rsa", "Private-Lines: 3", *body, "Private-MAC: x"])
    assert not any(line in redact(text) for line in body)


def test_code_after_a_mention_of_a_key_s_first_line_stays() -> None:
    code = 'BEGIN = "-----BEGIN RSA PRIVATE KEY-----"\nif line == BEGIN:\n    continue\nreturn\n'
    assert redact(code) == code


def test_a_public_certificate_is_no_private_key() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----\n"
    assert redact(text) == text


PIECES = st.sampled_from(
    [whole(case) for case in SECRETS]
    + [case["head"] + case["tail"] for case in SECRETS]
    + NO_SECRETS
    + private_key(lines=2)
    + [
        "\n",
        "\r\n",
        "\r",
        "\u2028",
        " ",
        '"',
        "'",
        "=",
        ": ",
        "password",
        "token",
        "://",
        "@",
        "*",
        "\U0001f600",
        ";",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=12).map("".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_redacting_keeps_the_length_and_the_line_ends_and_twice_is_once(text: str) -> None:
    seen = redact(text)
    assert len(seen) == len(text)
    assert redact(seen) == seen
    assert [line[len(line.rstrip("\r\n")) :] for line in seen.splitlines(keepends=True)] == [
        line[len(line.rstrip("\r\n")) :] for line in text.splitlines(keepends=True)
    ]
    assert all(new in (old, "*") for old, new in zip(text, seen, strict=True))


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_lines_and_whole_text_are_redacted_alike(text: str) -> None:
    assert "".join(redact_lines(text.splitlines(keepends=True))) == redact(text)


@pytest.mark.parametrize("length", [20, 24, 32, 40, 64])
def test_nine_in_ten_texts_drawn_by_lot_are_seen_as_such(length: int) -> None:
    drawn_ones = [drawn(string.ascii_letters + string.digits, length, seed) for seed in range(300)]
    assert sum(map(looks_random, drawn_ones)) > 270


def test_less_than_five_lines_in_10000_of_the_standard_library_change() -> None:
    """Measured over 300 files: 0.7 (docs of the constants in `randomness`); here over a tenth of them."""
    files = sorted(Path(os.__file__).parent.glob("*.py"))[::5]
    lines = [
        line for file in files for line in file.read_text("utf-8", errors="replace").splitlines(keepends=True)
    ]
    changed = sum(old != new for old, new in zip(lines, redact_lines(lines), strict=True))
    assert len(lines) > 8_000
    assert changed < len(lines) * 5 / 10_000


def test_no_line_takes_long_however_it_was_made() -> None:
    """Each would cost an expression that backtracks seconds or minutes."""
    redact('password = "warm"')
    for line in (
        "eyJ" * 20_000,
        "password" * 10_000,
        "password = " * 10_000,
        'password = "' + "\\" * 50_000,
        "://" * 20_000 + "@",
        "a:" * 30_000 + "@",
        "aws key '" * 8_000,
        "BEGIN " * 10_000 + "PRIVATE KEY",
        "key=" + "a1" * 40_000,
        " " * 60_000 + "password",
        "-" * 50_000 + "BEGIN RSA PRIVATE KEY" + "-" * 50_000,
    ):
        start = time.perf_counter()
        assert len(redact(line)) == len(line)
        assert time.perf_counter() - start < 5, line[:30]  # seconds; on a busy machine some 0.3


def test_a_secret_far_inside_a_very_long_line_is_found() -> None:
    secret = "gh" + "p_" + drawn(string.ascii_letters, 36)
    for place in (1_990, 3_970, 50_000):
        assert secret not in redact("x " * (place // 2) + secret + " y" * 3_000)


def test_nothing_is_sent_and_no_settings_of_the_detector_are_touched() -> None:
    """Redacting opens no socket: the plugins' own check of a secret with its server is never called."""
    cases = [whole(case) for case in SECRETS]
    script = textwrap.dedent(
        """
        import json, sys
        opened = []
        sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
        from context.privacy import redact
        for text in json.loads(sys.stdin.read()):
            assert "*" in redact(text), text
        from detect_secrets.settings import get_settings
        assert not get_settings().plugins, "the detector's global settings were used"
        assert not {"socket.connect", "socket.getaddrinfo", "socket.sendto"} & set(opened), opened
        """
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        cwd=Path.cwd(),
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_gate_loads_neither_detector_nor_rules() -> None:
    script = (
        "import sys, context.privacy; "
        "print([name for name in ('detect_secrets', 'requests', 'pathspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_plugin_named_has_expressions_that_can_be_searched() -> None:
    assert len(plugin_expressions()) >= 25
    assert all(
        isinstance(expression, re.Pattern) and group <= expression.groups
        for expression, group in plugin_expressions()
    )


def test_a_file_of_400_lines_is_redacted_without_holding_the_interpreter() -> None:
    """Cold some 5 ms, remembered some 1 ms; the bound leaves room for a busy machine."""
    lines = Path(os.__file__).with_name("argparse.py").read_text("utf-8").splitlines(keepends=True)[:400]
    redact('password = "warm"')
    start = time.perf_counter()
    redact_lines(lines)
    assert time.perf_counter() - start < 0.2  # seconds
