"""The librarian: what is on disk is known before it is asked for, and follows the world; secrets stay out."""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from context.assemble import Query, assemble
from context.document import Document, Edit, Position
from context.dossier import Dossier
from context.items import Source
from context.librarian import Librarian
from context.prompt import PromptFormat
from context.tokenised import TokenisedItems
from context.workspace import Edited, Opened, Workspace
from tests.context.git_repository import Repository

FORM = PromptFormat(prefix=(-1,), suffix=(-2,), middle=(-3,), file_separator=(-4,))
WITHIN_S = 60.0


def path_of(uri: str) -> Path | None:
    return Path(uri.removeprefix("file://")) if uri.startswith("file://") else None


@contextmanager
def librarian_of(root: Path, cache: Path, budget: int = 4096, **options: object) -> Iterator[Librarian]:
    found = Librarian(cache, path_of=path_of, budget_tokens=lambda: budget, **options)  # type: ignore[arg-type]
    found.set_folders([root])
    try:
        yield found
    finally:
        found.close()


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def opened(workspace: Workspace, root: Path, path: str, text: str, language: str = "python") -> Document:
    document = Document.of((root / path).as_uri(), path, language, 1, text)
    workspace.apply(Opened(document))
    return document


def dossier_at(librarian: Librarian, workspace: Workspace, document: Document, line: int = 0) -> Dossier:
    assert librarian.wait_ready(workspace.snapshot(), document, line, WITHIN_S)
    found = librarian.dossier(document.uri)
    assert found is not None
    return found


def dossier_with(librarian: Librarian, workspace: Workspace, document: Document, text: str) -> Dossier:
    """The first dossier that says ``text``."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = dossier_at(librarian, workspace, document)
        if any(text in item.text for item in found.items):
            return found
        time.sleep(0.1)
    raise AssertionError(f"no dossier ever said {text}")


def texts(dossier: Dossier, source: str) -> dict[str, str]:
    return {item.path: item.text for item in dossier.items if item.source == source and not item.whole}


def prompt_of(workspace: Workspace, document: Document, dossier: Dossier, budget: int = 100_000) -> str:
    found = assemble(
        workspace.snapshot(),
        Query(document.uri, Position(0, 0)),
        form=FORM,
        encode=lambda text: tuple(map(ord, text)),
        tokenised=TokenisedItems(lambda text: tuple(map(ord, text)), FORM),
        budget_tokens=budget,
        dossier=dossier,
    )
    assert found is not None
    return "".join(chr(token) for token in found.prompt.tokens if token >= 0)


def test_what_is_imported_is_known_by_its_signatures(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    write(root, "store/prices.py", "VAT = 20\n\n\ndef gross(net: int) -> int:\n    return net * 6 // 5\n")
    workspace = Workspace()
    text = "from store.prices import gross\n\ntotal = gross(\n"
    document = opened(workspace, root, "cart.py", text)
    with librarian_of(root, tmp_path / "cache", watching=False) as librarian:
        found = texts(dossier_at(librarian, workspace, document, 2), Source.IMPORTS)
    assert "def gross(net: int) -> int" in found["store/prices.py"]
    assert "6 // 5" not in found["store/prices.py"]


def test_a_file_changed_outside_the_editor_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    prices = write(root, "prices.py", "def gross(net): ...\n")
    workspace = Workspace()
    document = opened(workspace, root, "cart.py", "from prices import gross, net_of\n")
    with librarian_of(root, tmp_path / "cache") as librarian:
        dossier_at(librarian, workspace, document)
        prices.write_text("def gross(net, vat=20): ...\n\n\ndef net_of(gross): ...\n", encoding="utf-8")
        found = dossier_with(librarian, workspace, document, "def net_of(gross)")
    assert "def gross(net, vat=20)" in texts(found, Source.IMPORTS)["prices.py"]


def test_the_editor_s_text_of_an_open_file_wins_over_the_disk(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    write(root, "prices.py", "def on_disk(): ...\n")
    workspace = Workspace()
    opened(workspace, root, "prices.py", "def in_editor(): ...\n")
    document = opened(workspace, root, "cart.py", "from prices import in_editor, on_disk\n")
    with librarian_of(root, tmp_path / "cache", watching=False) as librarian:
        found = dossier_at(librarian, workspace, document)
    told = [
        item.text for item in found.items if item.source != Source.PROJECT_MAP
    ]  # that is of what is saved
    assert "def in_editor" in str(told)
    assert "def on_disk" not in str(told)


def test_history_and_the_branch_come_from_git_and_follow_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop")
    root = repository.root
    repository.write("cart.py", "total = 1\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "Add the cart")
    repository.git("checkout", "-q", "-b", "vat")
    repository.write("tax.py", "VAT = 20\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "Count value added tax")
    workspace = Workspace()
    document = opened(workspace, root, "cart.py", "total = 1\n")
    with librarian_of(root, tmp_path / "cache", watching=False) as librarian:
        before = texts(dossier_at(librarian, workspace, document), Source.HISTORY)
        assert before["BRANCH"].startswith("branch vat, from ")
        assert "- Count value added tax" in before["BRANCH"]
        assert before["tax.py.diff"] == "+VAT = 20\n"
        assert before["COMMITS"] == "- Add the cart\n"
        repository.write("cart.py", "total = 2\n")
        repository.git("commit", "-q", "-am", "Double the total")
        librarian.changed_on_disk(root, (), head_moved=True)
        found = texts(dossier_with(librarian, workspace, document, "Double"), Source.HISTORY)
        assert found["COMMITS"] == "- Double the total\n- Add the cart\n"


def test_a_second_start_knows_without_parsing_again(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    for n in range(30):
        write(root, f"part_{n}.py", f"def make_{n}(): ...\n")
    workspace = Workspace()
    document = opened(workspace, root, "cart.py", "from part_7 import make_7\n")
    for _ in range(2):
        with librarian_of(root, tmp_path / "cache", watching=False) as librarian:
            found = texts(dossier_at(librarian, workspace, document), Source.IMPORTS)
            assert "def make_7()" in found["part_7.py"]
            state = librarian.state()
            assert (state["state"], state["done"], state["total"]) == ("ready", 30, 30)


def test_two_folders_do_not_mix(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, "prices.py", "def gross_of_one(): ...\n")
    write(two, "prices.py", "def gross_of_two(): ...\n")
    workspace = Workspace()
    document = opened(workspace, two, "cart.py", "from prices import *\n")
    with librarian_of(one, tmp_path / "cache", watching=False) as librarian:
        librarian.set_folders([one, two])
        found = dossier_at(librarian, workspace, document)
    assert "gross_of_two" in str(found.items)
    assert "gross_of_one" not in str(found.items)


def test_closing_while_a_folder_is_being_opened_leaves_no_thread(tmp_path: Path) -> None:
    """Not the watch's either, which is made on a thread of the librarian's: a process may serve many."""
    write(tmp_path / "work", "a.py", "x = 1\n")
    before = set(threading.enumerate())
    for number in range(8):
        with librarian_of(tmp_path / "work", tmp_path / "cache"):
            time.sleep(number / 100)
    assert set(threading.enumerate()) <= before


def test_outside_of_every_folder_there_is_a_dossier_all_the_same(tmp_path: Path) -> None:
    workspace = Workspace()
    document = opened(workspace, tmp_path, "alone.py", "x = 1\n")
    with librarian_of(tmp_path / "elsewhere", tmp_path / "cache", watching=False) as librarian:
        assert dossier_at(librarian, workspace, document).items == ()


def test_planted_secrets_are_in_no_prompt(tmp_path: Path) -> None:
    """In files, in open buffers, in history, in what was typed, and behind links; of every kind there is."""
    golden = Path(__file__).parent / "golden" / "secrets.toml"
    cases = tomllib.loads(golden.read_text(encoding="utf-8"))["secret"]
    assert len(cases) >= 12
    planted = "".join(f"{case['before']}{case['head']}{case['tail']}{case['after']}\n" for case in cases)
    secrets = [case["head"] + case["tail"] for case in cases]
    repository = Repository(tmp_path / "shop")
    root = repository.root
    repository.write("keys.py", "def load_keys(): ...\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "Begin")
    repository.write("keys.py", f"def load_keys(): ...\n{planted}")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", f"Add keys {secrets[0]}\n\n{planted}")
    repository.git("checkout", "-q", "-b", "feature")
    repository.write("keys.py", "def load_keys(): ...\n")
    repository.write("more.py", f"def load_keys_too(): ...\n{planted}")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "Remove keys")
    repository.write("more.py", f"{planted}\ndef load_keys_too(): ...\n")
    repository.write(".env", planted)
    (root / "notes.txt").symlink_to(root / ".env")
    (root / "users.py").symlink_to("/etc/passwd")
    workspace = Workspace()
    other = opened(workspace, root, "open.py", f"def load_keys(): ...\n{planted}")
    workspace.apply(Edited(other.uri, 2, (Edit(planted, Position(1, 0), Position(1, 0)),)))
    text = (
        f"from keys import load_keys\nfrom more import load_keys_too\nimport users\n\nload_keys(\n{planted}"
    )
    document = opened(workspace, root, "cart.py", text)
    with librarian_of(root, tmp_path / "cache", 100_000, watching=False) as librarian:
        found = dossier_at(librarian, workspace, document, 4)
        prompt = prompt_of(workspace, document, found, 200_000)
    for name in ("def load_keys_too()", "Remove keys", "open.py.diff", "more.py.diff"):
        assert name in prompt
    assert [secret for secret in secrets if secret in prompt] == []
    assert "root:x:0" not in prompt
    for kept in (tmp_path / "cache").rglob("*"):
        if kept.is_file():
            assert not [secret for secret in secrets if secret.encode() in kept.read_bytes()], kept
