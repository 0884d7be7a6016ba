"""The index of a real folder, filled by the real child process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from context.index import Index, child, indexing
from context.index.helper import Helper, helping
from context.index.indexing import HELPED_FROM, Help, Job, scan, update
from context.index.store import FILE_NAME, Store, directory_of

PRICES = '''"""What things cost."""

from shop.items import Item

TAX_RATE = 0.2


def price_with_tax(item: Item) -> float:
    """What a customer pays."""
    return item.net_price * (1 + TAX_RATE)


class PriceList:
    """All prices."""

    def lookup_price(self, name: str) -> float:
        return 0.0
'''
ITEMS = '''class Item:
    """A thing to buy."""

    def __init__(self, net_price: float) -> None:
        self.net_price = net_price
'''
CART = """from shop.prices import PriceList, price_with_tax


def cart_total(items):
    prices = PriceList()
    return sum(price_with_tax(item) for item in items)
"""
FILES = {
    "shop/prices.py": PRICES,
    "shop/items.py": ITEMS,
    "shop/cart.py": CART,
    "README.md": "# Shop\n",
    ".gitignore": "build/\n",
    "build/out.py": "def built(): ...\n",
}
SETTLED_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def index(root: Path, cache: Path) -> Iterator[Index]:
    index = Index.open(root, cache)
    index.start()
    assert index.settle(SETTLED_S)
    assert index.state.ready, index.state
    yield index
    index.close()


def wait_for(fact: Callable[[], bool], within_s: float = 30) -> None:
    until = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def test_what_is_known_after_a_scan(index: Index) -> None:
    """Paths, outlines, definitions, links and ranks of every file that may be read."""
    assert [path for path in index.paths() if path.endswith(".py")] == [
        "shop/cart.py", "shop/items.py", "shop/prices.py",
    ]  # fmt: skip
    assert "README.md" in index.paths()
    outline = index.outline("shop/prices.py")
    assert outline is not None
    assert {"TAX_RATE", "price_with_tax", "PriceList", "lookup_price"} <= {
        each.name for each in outline.symbols
    }
    assert index.outline("README.md") is None
    assert index.defining("price_with_tax") == ("shop/prices.py",)
    assert index.defining("nothing_like_it") == ()
    assert {path for path, _ in index.linked("shop/prices.py")} == {"shop/items.py", "shop/cart.py"}
    assert index.rank("shop/items.py") > index.rank("shop/cart.py") > 0
    assert index.rank("no/such.py") == 0
    assert index.top(1)[0][0] == "shop/items.py"
    assert index.use("net_price") == (2, 1)
    assert index.rarity("nothing_like_it") > index.rarity("net_price") >= 0


def test_changes(root: Path, index: Index) -> None:
    """Created, changed and deleted files are known as soon as the child is done with them; ranks follow."""
    (root / "shop" / "offers.py").write_text("from shop.prices import PriceList\n\ndef best_offer(): ...\n")
    (root / "shop" / "cart.py").write_text("def basket_total(): ...\n")
    (root / "shop" / "items.py").unlink()
    index.update({"shop/offers.py", "shop/cart.py", "shop/items.py"})
    assert index.settle(SETTLED_S)
    assert "shop/offers.py" in index.paths()
    assert "shop/items.py" not in index.paths()
    assert index.defining("best_offer") == ("shop/offers.py",)
    assert index.defining("cart_total") == ()
    assert index.outline("shop/items.py") is None
    wait_for(lambda: [path for path, _ in index.linked("shop/prices.py")] == ["shop/offers.py"])


def test_a_deleted_folder(root: Path, index: Index) -> None:
    """A folder that is gone takes all below it along."""
    (root / "shop").rename(root.parent / "elsewhere")
    index.update({"shop"})
    assert index.settle(SETTLED_S)
    assert not [path for path in index.paths() if path.startswith("shop/")]


def test_the_second_start(root: Path, cache: Path, index: Index) -> None:
    """What an earlier session found is there before anything is started, and is not read again."""
    before = index.paths()
    index.close()
    seen: list[tuple[int, int]] = []
    again = Index.open(root, cache)
    assert again.paths() == before
    assert again.defining("price_with_tax") == ("shop/prices.py",)
    assert again.linked("shop/prices.py")
    again.start(lambda done, total: seen.append((done, total)))
    assert again.settle(SETTLED_S)
    again.close()
    assert again.state.ready
    assert seen == [(5, 5)]


def test_progress(root: Path, cache: Path) -> None:
    """Progress counts up to the number of files."""
    seen: list[tuple[int, int]] = []
    index = Index.open(root, cache)
    index.start(lambda done, total: seen.append((done, total)))
    assert index.settle(SETTLED_S)
    index.close()
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == index.state.total == len(index.paths())


def test_secrets_are_not_stored(root: Path, cache: Path) -> None:
    """A secret in a signature is replaced before it reaches the disk."""
    key = "AKIA" + "QWERTZ7UIOPASDF2"  # in two, or scanners of this repository take it for a real one
    (root / "shop" / "keys.py").write_text(
        f'AWS_KEY = "{key}"\n\n\ndef open_door(key="{key}"):\n    return 1\n'
    )
    index = Index.open(root, cache)
    index.start()
    assert index.settle(SETTLED_S)
    outline = index.outline("shop/keys.py")
    index.close()
    assert outline is not None
    assert "open_door" in {each.name for each in outline.symbols}
    assert key not in repr(outline)
    assert all(key.encode() not in each.read_bytes() for each in directory_of(cache, root).iterdir())


def test_links_out_of_the_folder(root: Path, tmp_path: Path, cache: Path) -> None:
    """A link that leaves the folder is no file of it, neither in a scan nor in an update."""
    outside = tmp_path / "outside.py"
    outside.write_text("def outsider(): ...\n")
    try:
        (root / "shop" / "link.py").symlink_to(outside)
        (root / "folder").symlink_to(tmp_path)
    except OSError:
        pytest.skip("this system does not let its user make links")
    index = Index.open(root, cache)
    index.start()
    index.update({"shop/link.py", "folder/outside.py", "../outside.py"})
    assert index.settle(SETTLED_S)
    index.close()
    assert index.defining("outsider") == ()
    assert not [path for path in index.paths() if "link" in path or "outside" in path]


def test_a_hostile_folder_runs_nothing(root: Path, tmp_path: Path) -> None:
    """Modules in the folder are not imported, though the server runs there with it on its import path."""
    marker = tmp_path / "marker"
    harm = f"open({str(marker)!r}, 'a').write(__name__ + '\\n')\n"
    modules = ["json", "sqlite3", "sitecustomize", "usercustomize", "psutil", "tree_sitter_python"]
    packages = ["filelock", "tree_sitter", "pathspec", "context", "context/index"]
    names = [f"{name}.py" for name in modules] + [f"{name}/__init__.py" for name in packages]
    names.append("context/index/worker.py")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(harm)
    here = Path(__file__).parents[2]
    program = (
        f"import sys; sys.path.insert(0, {str(here)!r})\n"
        "from pathlib import Path\nfrom context.index import Index\n"
        "sys.path.append('')\n"
        f"index = Index.open(Path('.'), Path({str(tmp_path / 'cache')!r})); index.start()\n"
        "assert index.settle(60); assert index.state.ready; print(len(index.paths())); index.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "PYTHONSTARTUP": str(root / "json.py")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= len(names)
    assert not marker.exists(), marker.read_text()


def test_no_orphan(root: Path, cache: Path) -> None:
    """A server that is killed takes the child along."""
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom context.index import Index\n"
        "index = Index.open(Path(sys.argv[1]), Path(sys.argv[2])); index.start(); index.settle(60)\n"
        "print(index.child_pid, flush=True); time.sleep(600)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program, str(root), str(cache)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert server.stdout is not None
    with server.stdout:
        orphan = psutil.Process(int(server.stdout.readline()))
        server.kill()
        server.wait()
    wait_for(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)


def test_an_idle_child_ends(root: Path, cache: Path) -> None:
    """Without work the child ends, and the next request starts another."""
    index = Index(root, cache, idle_s=0.1)
    index.start()
    assert index.settle(SETTLED_S)
    wait_for(lambda: index.child_pid is None)
    (root / "new.py").write_text("def newcomer(): ...\n")
    index.update({"new.py"})
    assert index.settle(SETTLED_S)
    index.close()
    assert index.paths().count("new.py") == 1


def test_a_killed_child_is_replaced(root: Path, cache: Path) -> None:
    """A child that dies under way is replaced, and what was asked is done."""
    for number in range(300):
        (root / "shop" / f"many{number}.py").write_text(CART * 20 + f"n{number} = {number}\n")
    index = Index.open(root, cache)
    killed: list[int] = []

    def kill_once(done: int, total: int) -> None:
        pid = index.child_pid
        if not killed and pid is not None and done > 1:
            killed.append(pid)
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    index.start(kill_once)
    assert index.settle(SETTLED_S)
    index.close()
    assert killed
    assert index.state.ready
    assert len([path for path in index.paths() if "many" in path]) == 300


def test_a_file_that_brings_the_child_down(root: Path, cache: Path) -> None:
    """What a child was reading when it died is left out by the next one, until it changes."""
    directory = directory_of(cache, root)
    directory.mkdir(parents=True)
    (directory / "parsing").write_text("shop/cart.py")
    index = Index.open(root, cache)
    index.start()
    assert index.settle(SETTLED_S)
    assert index.defining("cart_total") == ()
    assert index.defining("price_with_tax")
    assert "shop/cart.py" in index.paths()
    (root / "shop" / "cart.py").write_text(CART + "# changed\n")
    index.update({"shop/cart.py"})
    assert index.settle(SETTLED_S)
    assert index.defining("cart_total") == ("shop/cart.py",)
    index.close()


def test_a_damaged_file_under_way(root: Path, cache: Path, index: Index) -> None:
    """A file that is damaged between two sessions is made anew, and the index is whole again."""
    index.close()
    path = directory_of(cache, root) / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    again = Index.open(root, cache)
    again.start()
    assert again.settle(SETTLED_S)
    again.close()
    assert again.state.ready, again.state
    assert "shop/prices.py" in again.paths()


def test_two_servers_on_one_folder(root: Path, cache: Path) -> None:
    """Two servers share one store: both are ready, and both see what either finds."""
    first, second = Index.open(root, cache), Index.open(root, cache)
    first.start()
    second.start()
    assert first.settle(SETTLED_S)
    assert second.settle(SETTLED_S)
    assert first.paths() == second.paths() == Index.open(root, cache).paths() != ()
    first.close()
    second.close()


def test_a_folder_that_is_not_there(root: Path, cache: Path, index: Index) -> None:
    """A drive that is away now is a problem told in a sentence, and no reason to forget its files."""
    index.close()
    root.rename(root.parent / "away")
    gone = Index.open(root, cache)
    gone.start()
    assert gone.settle(SETTLED_S)
    gone.close()
    assert not gone.state.ready
    assert str(root) in gone.state.problem
    (root.parent / "away").rename(root)
    assert Index.open(root, cache).paths() == index.paths()


def test_close_under_way(root: Path, cache: Path) -> None:
    """Closing while files are read ends the child at once; closing twice does no harm."""
    for number in range(500):
        (root / f"many{number}.py").write_text(PRICES * 30 + f"n{number} = {number}\n")
    index = Index.open(root, cache)
    index.start()
    wait_for(lambda: index.state.done > 0)
    pid = index.child_pid
    began = time.monotonic()
    index.close()
    assert time.monotonic() - began < 5
    assert pid is None or not psutil.pid_exists(pid)
    index.close()
    index.update({"a.py"})
    assert index.child_pid is None


def job_of(root: Path, store: Store, helped: Callable[[], AbstractContextManager[Help]] | None = None) -> Job:
    return Job(root, store, lambda done, total: None, lambda: False, lambda path: None, helped)


@pytest.mark.parametrize("fate", ["lives", "is killed", "never starts"])
def test_a_second_process(root: Path, tmp_path: Path, fate: str) -> None:
    """With help a large folder is read as it is without, also where the helper breaks down."""
    for number in range(HELPED_FROM + 60):
        (root / f"many{number}.py").write_text(f"def function_{number}(): ...\n")
    alone, together = Store.open(tmp_path / "alone"), Store.open(tmp_path / "together")
    scan(job_of(root, alone))
    started: list[Helper] = []

    @contextlib.contextmanager
    def helped() -> Iterator[Help]:
        path = [] if fate == "never starts" else child._import_path()
        with helping(root, tmp_path / "together", path) as helper:
            started.append(helper)
            if fate == "is killed":
                helper._process.kill()
            yield helper

    assert scan(job_of(root, together, helped)).changed == len(alone.stamps())
    assert started
    assert [(row.path, row.defined, row.used) for row in together.graph_rows()] == [
        (row.path, row.defined, row.used) for row in alone.graph_rows()
    ]
    alone.close()
    together.close()


def test_a_moved_file_is_not_parsed_again(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is known under another path, or comes back with a branch, is not parsed."""
    parsed: list[str] = []
    real = indexing.outline
    monkeypatch.setattr(
        indexing, "outline", lambda language, text: parsed.append(text) or real(language, text)
    )
    store = Store.open(cache)
    scan(job_of(root, store))
    assert sorted(parsed) == sorted([PRICES, ITEMS, CART])
    (root / "shop" / "cart.py").rename(root / "shop" / "basket.py")
    (root / "shop" / "items.py").write_text(ITEMS + "#\n")
    scan(job_of(root, store))
    (root / "shop" / "items.py").write_text(ITEMS)
    update(job_of(root, store), ["shop/items.py"])
    assert parsed[3:] == [ITEMS + "#\n"]
    store.close()


NAMES = [
    "a.py",
    "b.py",
    "pkg/a.py",
    "pkg/sub/b.py",
    "build/c.py",
    ".env",
    "x.min.js",
    "node_modules/d.js",
    "deep/e.ts",
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=12))
def test_updates_lead_where_a_scan_does(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """After any changes, telling of each leads to the same index as looking at everything."""
    with contextlib.ExitStack() as stack:
        number = len(list(tmp_path.iterdir()))
        root = tmp_path / f"project{number}"
        root.mkdir()
        (root / ".gitignore").write_text("build/\n")
        store = Store.open(tmp_path / f"index{number}")
        stack.callback(store.close)
        scan(job_of(root, store))
        for name, step in steps:
            path = root / name
            if step:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"def f{step}(): ...\n" * step)
            else:
                path.unlink(missing_ok=True)
            update(job_of(root, store), [name])
        told = store.stamps()
        assert not scan(job_of(root, store)).changed
        assert store.stamps() == told


def test_the_worker_speaks_json_lines(root: Path, cache: Path) -> None:
    """Whatever the child prints is one JSON object per line, and its log is a file beside the store."""
    index = Index.open(root, cache)
    lines: list[dict[str, object]] = []
    take = index._child._on_message
    index._child._on_message = lambda message: (lines.append(message), take(message))[1]
    index.start()
    assert index.settle(SETTLED_S)
    index.close()
    assert {key for line in lines for key in line} >= {"anew", "progress", "derived", "done"}
    assert json.dumps(lines)
    assert (directory_of(cache, root) / "worker.log").exists()
