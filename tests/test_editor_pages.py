"""The pages under docs/editors: what is to be copied from them is well-formed, starts the server, and sets
what can be set."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from context.language import _BY_NAME
from engine.catalog import load_catalog
from engine.fim import FAMILIES
from lsp_server.http_guard import loopback_address
from lsp_server.settings import parse_settings

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "editors"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem != "README")
OTHERS = ["helix", "jetbrains", "kakoune", "kate", "sublime", "zed"]  # without a plugin of this project


def blocks(page: str, *languages: str) -> list[str]:
    """The code of a page in some languages."""
    text = (FOLDER / f"{page}.md").read_text("utf-8")
    return re.findall(rf"```(?:{'|'.join(languages)})\n(.*?)```", text, re.S)


def in_braces(text: str, before: str) -> str:
    """What stands in the braces that open with ``before``."""
    start = text.index(before) + len(before)
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start : end - 1]


def table(page: str, number: int = 0) -> Any:
    """A block of a page as a value."""
    text = blocks(page, "json", "toml", "kak")[number]
    if "lsp_servers %{" in text:
        return tomllib.loads(in_braces(text, "lsp_servers %{"))
    return json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)


def below(value: Any, *names: str) -> list[Any]:
    """Every value under one of some names, at any depth."""
    found: list[Any] = []
    for name, one in value.items() if isinstance(value, dict) else enumerate(value):
        found += [one] if name in names else []
        found += below(one, *names) if isinstance(one, dict | list) else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_whether_it_was_tried(page: Path) -> None:
    """In its first paragraph."""
    first = page.read_text("utf-8").split("\n\n")[1]
    assert re.search(r"\b(un)?tested\b", first, re.IGNORECASE), first


def test_the_index_says_the_same() -> None:
    """A page that begins with "Untested" is called so in the index."""
    index = (FOLDER / "README.md").read_text("utf-8")
    for page in OTHERS:
        (row,) = re.findall(rf"^\|.*\({page}\.md\).*$", index, re.M)
        assert "untested" in row
        assert (FOLDER / f"{page}.md").read_text("utf-8").split("\n\n")[1].startswith("**Untested**")


@pytest.mark.parametrize("page", OTHERS)
def test_every_block_is_well_formed(page: str) -> None:
    """TOML or JSON, and settings in it are settings of the server."""
    count = len(blocks(page, "json", "toml", "kak"))
    assert count
    for number in range(count):
        value = table(page, number)
        sections = [one["codeflow"] for one in below(value, "settings")]
        for settings in [*below(value, "initializationOptions", "config"), *sections]:
            assert not parse_settings(settings)[1], settings


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("helix", lambda found: [found["language-server"]["codeflow"][name] for name in ("command", "args")]),
        ("kakoune", lambda found: ["codeflow-lsp", found["codeflow-lsp"]["args"]]),
        ("sublime", lambda found: split(found["clients"]["codeflow"]["command"])),
        ("kate", lambda found: split(found["servers"]["python"]["command"])),
        ("jetbrains", lambda found: split(found["programArgs"]["default"].split())),
    ],
)
def test_a_table_starts_the_server(page: str, command: Any) -> None:
    assert command(table(page)) == ["codeflow-lsp", ["--stdio"]]


def split(command: list[str]) -> list[Any]:
    return [command[0], command[1:]]


def test_initialization_options_of_a_template_are_settings() -> None:
    """JetBrains' second block is a file of settings alone."""
    assert not parse_settings(table("jetbrains", 1))[1]


def test_languages_are_named_as_the_server_knows_them() -> None:
    """By LSP's identifiers where a table has them."""
    known = set(_BY_NAME)
    assert {one["languageId"] for one in table("jetbrains")["fileTypeMappings"]} <= known
    (page,) = blocks("kakoune", "kak")
    (types,) = re.findall(r"filetype=\(\?:(.*?)\)", page)
    assert set(types.split("|")) <= known


def test_zed_asks_what_is_served() -> None:
    """The address of the page's command, a family and a model that there are."""
    own = table("zed")["edit_predictions"]["open_ai_compatible_api"]
    (shell, key) = blocks("zed", "sh")
    host, port = loopback_address(shell.split("--http ")[1].split()[0])
    assert own["api_url"] == f"http://{host}:{port}/v1/completions"
    assert own["prompt_format"] in FAMILIES
    assert own["model"] in [entry.name for entry in load_catalog()]
    assert shell.split("--token-file ")[1].split()[0] in key
