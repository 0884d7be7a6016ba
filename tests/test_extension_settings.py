"""VS Code's settings page is the server's dataclasses: the first block of configuration in package.json.

``CODEFLOW_REWRITE=1 python -m pytest tests/test_extension_settings.py`` writes that block anew, nothing else.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any

from lsp_server.settings import setting_names

PACKAGE = Path(__file__).resolve().parent.parent / "extension" / "package.json"
INDENT = "  "
OWN = ("codeflow.server.", "codeflow.extension.")  # of the extension, in a block of its own


def served() -> dict[str, Field[Any]]:
    """The settings that a user of VS Code may set; what the editor knows by itself is none."""
    return {name: one for name, one in setting_names().items() if one.metadata["scope"] != "editor"}


def block() -> dict[str, Any]:
    """The server's settings as VS Code describes settings."""
    properties = {
        name: {
            **type_of(entry),
            "default": list(entry.default) if isinstance(entry.default, tuple) else entry.default,
            "scope": entry.metadata["scope"],
            "order": order,
            "markdownDescription": description(entry.metadata["doc"]),
        }
        for order, (name, entry) in enumerate(served().items(), 1)
    }
    return {"title": "CodeFlow", "properties": properties}


def type_of(entry: Field[Any]) -> dict[str, Any]:
    assert entry.default is not MISSING
    if choices := entry.metadata["choices"]:
        return {"type": "string", "enum": list(choices)}
    if isinstance(entry.default, bool):
        return {"type": "boolean"}
    if isinstance(entry.default, int):
        return {"type": "integer", "minimum": entry.metadata["least"]}
    if isinstance(entry.default, str):
        return {"type": "string"}
    return {"type": "array", "items": {"type": "string"}, "uniqueItems": True}


def description(doc: str) -> str:
    """A meaning as VS Code shows it: settings that it names are links, and pages that are not there none."""
    names = {name.removeprefix("codeflow."): name for name in served()}
    doc = re.sub(r" See \[[^\]]*\]\((?!https:)[^)]*\)\.", "", doc)
    return re.sub(
        r"`(?:codeflow\.)?([\w.]+)`",
        lambda found: f"`#{names[found[1]]}#`" if found[1] in names else found[0],
        doc,
    )


def with_block(package: str, first: dict[str, Any]) -> str:
    """package.json with ``first`` as the first block of its configuration, all else letter for letter."""
    found = re.search(r'^(\s*)"configuration": \[\s*', package, re.M)
    assert found, "extension/package.json has no list of configurations"
    _, end = json.JSONDecoder().raw_decode(package, found.end())
    text = textwrap.indent(
        json.dumps(first, indent=INDENT, ensure_ascii=False), found[1].strip("\n") + INDENT
    )
    return package[: found.end()] + text.lstrip() + package[end:]


def test_settings_page_of_vscode_is_the_dataclasses() -> None:
    """Every setting is there with its type, default, limits, meaning and scope, and nothing else is."""
    package = PACKAGE.read_text("utf-8")
    rewritten = with_block(package, block())
    if os.environ.get("CODEFLOW_REWRITE"):
        PACKAGE.write_text(rewritten, "utf-8")
        package = rewritten
    assert package == rewritten, "extension/package.json lies; CODEFLOW_REWRITE=1 writes its settings anew"


def test_only_that_block_is_rewritten() -> None:
    """The rest of the file stays as somebody formatted it, and writing twice is writing once."""
    package = PACKAGE.read_text("utf-8")
    other = with_block(package, {"title": "CodeFlow", "properties": {}})
    found, before = json.loads(other), json.loads(package)
    assert found["contributes"]["configuration"][0]["properties"] == {}
    del found["contributes"]["configuration"][0], before["contributes"]["configuration"][0]
    assert found == before
    assert with_block(other, block()) == with_block(package, block())


def test_a_workspace_that_is_not_trusted_sets_no_program_path_address_or_model() -> None:
    """What VS Code keeps to the user's machine is also what it restricts, of the extension's settings too."""
    package = json.loads(PACKAGE.read_text("utf-8"))
    properties = {
        name: about
        for part in package["contributes"]["configuration"]
        for name, about in part["properties"].items()
    }
    kept = {name for name, about in properties.items() if about["scope"] == "machine-overridable"}
    assert kept == set(package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"])
    told = re.compile(r"(?:command|program|path|url|model|adapters?|python|name|thinking)$", re.I)
    assert {name for name in properties if told.search(name)} - {"codeflow.completion.adapter"} == kept


def test_the_extensions_own_settings_are_none_of_the_servers() -> None:
    """The server is not sent them, and would complain of what it does not know."""
    first, own = json.loads(PACKAGE.read_text("utf-8"))["contributes"]["configuration"]
    assert all(name.startswith(OWN) for name in own["properties"])
    assert not any(name.startswith(OWN) for name in first["properties"])


def test_descriptions_have_no_dead_links() -> None:
    """VS Code opens addresses and links to settings; a page beside the docs it does not find."""
    for name, about in block()["properties"].items():
        text = about["markdownDescription"]
        assert re.findall(r"\]\((?!https:)", text) == [], name
        assert set(re.findall(r"#(codeflow\.[\w.]+)#", text)) <= set(served()), name
        assert text.rstrip("`").endswith("."), name
