"""The pages say what the code does: settings, commands, protocol, modules, links.

``CODEFLOW_REWRITE=1 python -m pytest tests/test_docs.py`` writes docs/settings.md anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from context.language import _BY_NAME
from engine.catalog import load_catalog
from lsp_server.account import Account
from lsp_server.cli import _add_verbs, _parser
from lsp_server.counts import Counts
from lsp_server.server import create_server
from lsp_server.settings import setting_names

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "editors/**/*.md", "extension/*.md")
    for path in ROOT.glob(pattern)
)
ROOMS = ("lsp_server", "context", "engine")
SETTINGS_PAGE = ROOT / "docs" / "settings.md"


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(text: str, title: str) -> str:
    """What stands under a second or third level heading that begins with ``title``."""
    found = re.search(rf"^(#{{2,3}}) {re.escape(title)}.*?$(.*?)(?=^#{{2,3}} |\Z)", text, re.M | re.S)
    assert found, f"no heading {title!r}"
    return found[2]


def kind_of(entry: Field[Any]) -> str:
    if choices := entry.metadata["choices"]:
        return ", ".join(f"`{choice}`" for choice in choices)
    if isinstance(entry.default, bool):
        return "true or false"
    if isinstance(entry.default, int):
        return f"whole number, at least {entry.metadata['least']}"
    return "text" if isinstance(entry.default, str) else "list of texts"


def settings_table() -> str:
    """docs/settings.md's table, as the dataclasses have it."""
    rows = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for name, entry in setting_names().items():
        assert entry.default is not MISSING
        default = json.dumps(entry.default)
        rows.append(f"| `{name}` | {kind_of(entry)} | `{default}` | {entry.metadata['doc']} |")
    return "\n".join(rows)


def test_settings_page_is_the_dataclasses() -> None:
    """Every setting is on the page with its type, default and meaning, and nothing else is."""
    page, table = read("docs/settings.md"), re.compile(r"<!-- table -->\n.*<!-- /table -->", re.S)
    rewritten = table.sub(lambda _: f"<!-- table -->\n{settings_table()}\n<!-- /table -->", page)
    if os.environ.get("CODEFLOW_REWRITE"):
        SETTINGS_PAGE.write_text(rewritten, "utf-8")
        page = rewritten
    assert table.search(page), "the marks around the table are gone"
    assert page == rewritten, "docs/settings.md lies; CODEFLOW_REWRITE=1 writes it anew"


def test_settings_in_pages_exist() -> None:
    """A setting that a page names is one, or a command."""
    commands = create_server().protocol.fm.commands
    known = {name.removeprefix("codeflow.") for name in (*setting_names(), *commands)}
    groups = {name.split(".")[0] for name in known if "." in name}
    for page in PAGES:
        named = re.findall(rf"`(?:codeflow\.)?((?:{'|'.join(groups)})\.[a-z]\w*)`", page.read_text("utf-8"))
        assert set(named) <= known, page


def verbs(parser: argparse.ArgumentParser, said: str = "codeflow-lsp") -> Iterator[str]:
    """Every command line that ends in a verb: "codeflow-lsp models", "codeflow-lsp models pull"."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield f"{said} {name}"
                yield from verbs(below, f"{said} {name}")


def test_every_command_is_in_the_readme() -> None:
    """The README names every verb of the command line, and no other."""
    page, parser = read("README.md"), _parser()
    _add_verbs(parser)
    known = set(verbs(parser))
    assert known
    for command in known:
        assert command in page, f"README.md does not mention `{command}`"
    for command in re.findall(r"codeflow-lsp ([a-z][a-z-]*)", page):
        assert f"codeflow-lsp {command}" in known, f"there is no `codeflow-lsp {command}`"


def test_every_make_target_in_pages_exists() -> None:
    """`make x` in a page is a target, and the README names every target."""
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M)) - {"help"}
    texts = {page: page.read_text("utf-8") for page in PAGES}
    for page, text in texts.items():
        assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets, page
    for target in targets:
        assert f"make {target}" in read("README.md"), f"README.md does not mention `make {target}`"


def test_every_own_method_is_on_the_protocol_page() -> None:
    """The page's ``codeflow/...`` methods are exactly the code's, and every method served is there."""
    page = read("docs/protocol.md")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "lsp_server").glob("*.py"))
    assert set(re.findall(r"\bcodeflow/[a-zA-Z]+", page)) == set(
        re.findall(r'"(codeflow/[a-zA-Z]+)"', sources)
    )
    features = create_server().protocol.fm
    for method in (*features.features, *features.commands):
        assert f"`{method}`" in page, f"docs/protocol.md does not mention {method}"


def test_every_field_of_our_answers_is_on_the_protocol_page() -> None:
    """What an account, the counts and the status are made of stands where it is described."""
    page = read("docs/protocol.md")
    for about, names in (
        ("codeflow/account", [entry.name for entry in fields(Account)]),
        ("codeflow/stats", list(Counts().as_json())),
        ("codeflow/stats", list(create_server().stats.as_json())),
        ("codeflow/status", list(create_server().status())),
    ):
        described = section(page, f"`{about}`")
        for name in names:
            assert f"`{name}`" in described, f"{about}: {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_architecture_names_every_module(room: str) -> None:
    """The map of each room has a row for every module in it, and none for a module that is gone."""
    there = {
        path.relative_to(ROOT / room).with_suffix("").as_posix()
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py"
    }
    described = section(read("ARCHITECTURE.md"), f"{room}/")
    rows = re.findall(r"^\| (`[^|]+) \|", described, re.M)
    assert {name for row in rows for name in re.findall(r"`([a-z0-9_/]+)`", row)} == there


def test_every_module_of_the_extension_is_described() -> None:
    """ARCHITECTURE.md names every TypeScript module of the extension, and no other."""
    source = ROOT / "extension" / "src"
    there = {path.relative_to(source).with_suffix("").as_posix() for path in source.rglob("*.ts")}
    rows = re.findall(r"^\| (`[^|]+) \|", section(read("ARCHITECTURE.md"), "extension/"), re.M)
    assert {name for row in rows for name in re.findall(r"`([A-Za-z0-9/]+)`", row)} == there


def test_every_model_is_in_the_readme() -> None:
    """The README's table has every model of the catalog with its licence."""
    rows = [line for line in read("README.md").splitlines() if line.startswith("|")]
    for entry in load_catalog():
        licence = entry.licence.partition(":")[0]
        assert any(f"`{entry.name}`" in row and licence in row for row in rows), entry.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    """A relative link leads to a file, and its anchor to a heading."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} links to {target}"


def test_editor_tables_are_well_formed() -> None:
    """Helix' table is TOML that starts the server; Neovim's attaches to every language CodeFlow knows."""
    helix = tomllib.loads(read("editors/helix/languages.toml"))
    server = helix["language-server"]["codeflow"]
    assert [server["command"], *server["args"]] == ["codeflow-lsp", "--stdio"]
    neovim = {"csharp": "cs", "shellscript": "sh"}  # where its names differ from LSP's
    attached = set(re.findall(r"'(\w+)'", read("editors/nvim/lsp/codeflow.lua")))
    assert {neovim.get(name, name) for name in _BY_NAME} <= attached
