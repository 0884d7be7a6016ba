import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from context.privacy import FileEntry, Ignore, may_be_prompted, read_text, walk, why_not
from context.privacy.reading import MOST_BYTES
from context.privacy.rules import MOST_PATTERNS

GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def paths(root: Path) -> list[str]:
    return [entry.path for entry in walk(root)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True, env=GIT)
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    return tmp_path


# --- names ---


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env.production",
        "ID_RSA",
        "id_ed25519.pub",
        "a/server.key",
        "cert.pem",
        "vault.kdbx",
        ".netrc",
        "secrets.yaml",
        "prod.tfvars",
        "terraform.tfstate",
        "home/.ssh/config",
        ".aws/config",
        "x/.gnupg/a.txt",
    ],
)
def test_files_with_names_of_secrets_may_not_be_prompted(path: str) -> None:
    assert not may_be_prompted(path)


@pytest.mark.parametrize(
    "path", ["main.py", ".env.example", "environment.py", "keyboard.py", "ssh/config.py", ""]
)
def test_other_names_may_be_prompted(path: str) -> None:
    assert may_be_prompted(path)


# --- ignore rules ---

PATTERNS = [
    "*.log",
    "/a",
    "a/",
    "b/",
    "!a",
    "!b/",
    "a/b",
    "a/b/",
    "**/c",
    "a/**",
    "a/**/d",
    "!a/b",
    "!*.log",
    "*",
    "!*/",
    "/*",
    "!/a",
    "d*",
    "*/c",
    "**/",
    "a/*",
    "!a/*.py",
    "?",
    "[ab]",
    "[!ab]",
    "\\!x",
    "\\#x",
    "a\\ ",
    "a ",
    "b//",
    "foo.py",
    "!foo.py",
    "x.log/",
    "**/a/b",
    "a**",
    "*.p[y",
    "[",
    "[a-c]/",
    "a/[!b]",
    "#x",
    "!x",
    "[[:alpha:]]",
    "**/*",
    "a/**/",
    "//a",
    "c\\",
    "**",
    "!**/c/**",
    "*.py",
    " a",
    "a\t",
    "\\a",
    "[z-a]",
    "/",
    "!",
    "a\r",
    "\\",
]
NAMES = ["a", "b", "c", "d", "foo.py", "x.log", "!x", "#x", "a ", "ab"]


@pytest.mark.skipif(os.name == "nt", reason="names that end in a space")
@pytest.mark.parametrize("seed", range(12))
def test_ignore_agrees_with_git(repository: Path, seed: int) -> None:
    """The slow true version is `git check-ignore`, on trees and rules drawn by lot."""
    lot = random.Random(seed)
    for _ in range(40):
        path = repository.joinpath(*(lot.choice(NAMES) for _ in range(lot.randint(1, 4))))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if lot.random() < 0.5 else path.touch()
        except (FileExistsError, NotADirectoryError):
            continue
    entries = [path for path in repository.rglob("*") if ".git" not in path.relative_to(repository).parts]
    directories = [repository, *lot.sample([path for path in entries if path.is_dir()], 4)]
    for directory in directories:
        lines = [lot.choice(PATTERNS) for _ in range(lot.randint(1, 6))]
        (directory / ".gitignore").write_bytes("\n".join(lines).encode())
    (repository / ".git/info/exclude").write_text("\n".join(lot.sample(PATTERNS, 2)))
    names = [path.relative_to(repository).as_posix() for path in entries]
    asked = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(names).encode(),
        capture_output=True,
        env=GIT,
    )
    expected = set(asked.stdout.decode().split("\0")) - {""}
    ignore = Ignore.of(repository)
    seen = {name for name, path in zip(names, entries, strict=True) if ignore.ignores(name, path.is_dir())}
    assert seen == expected


def test_our_own_rules_have_the_last_word_at_any_depth(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.gen\nbuild/\n", ".codeflowignore": "!keep.gen\nprivate/\n!build/\n"})
    write(tmp_path, {"sub/.codeflowignore": "*.md\n", "sub/.gitignore": "!*.md\n"})
    ignore = Ignore.of(tmp_path)
    assert ignore.ignores("x.gen")
    assert not ignore.ignores("keep.gen")
    assert not ignore.ignores("build/main.py")
    assert ignore.ignores("private/main.py")
    assert ignore.ignores("sub/readme.md")
    assert not ignore.ignores("readme.md")


def test_rules_above_a_workspace_that_is_a_part_of_a_repository_hold(repository: Path) -> None:
    write(
        repository, {".gitignore": "*.log\n/pkg/out/\n", "pkg/a.py": "", "pkg/a.log": "", "pkg/out/b.py": ""}
    )
    assert paths(repository / "pkg") == ["a.py"]


def test_the_exclude_file_of_a_worktree_is_that_of_its_repository(repository: Path, tmp_path: Path) -> None:
    (repository / ".git/info/exclude").write_text("*.tmp\n")
    tree = tmp_path / "tree"
    write(tmp_path, {"tree/a.tmp": "", "tree/b.py": "", ".git/worktrees/tree/commondir": "../..\n"})
    (tree / ".git").write_text(f"gitdir: {repository / '.git/worktrees/tree'}\n")
    assert paths(tree) == ["b.py"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00*.py\n\x80",
        b"[\n[!\n[[[\n**/**/**\n\\\n!\n/\n",
        b"*" * 5000 + b"x",
        b"a" * 200000,
        b"/**" * 9000,
        b"\x00\n",
        b"[a&&b]\n[a--b]\n[[a]]\n[a||b]\n[~~]\n",
        b"(?P<x>\n{1}\n^$|.+\n",
    ],
)
def test_no_file_of_rules_raises_or_takes_long(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {".gitignore": content, ".codeflowignore": content, "a.py": ""})
    start = time.perf_counter()
    Ignore.of(tmp_path).ignores("a" * 250 + "/" + "a" * 250)
    assert time.perf_counter() - start < 2  # seconds


def test_a_pattern_made_to_be_slow_is_widened_and_ignores_more(tmp_path: Path) -> None:
    """`*a*a*a*a*b` on 250 letters `a` takes a regular expression hours; as `*b` it takes microseconds."""
    write(tmp_path, {".gitignore": "*a" * 12 + "b\nx/**/y/**/z/**/*.k\n!" + "*c" * 9 + "\n"})
    ignore = Ignore.of(tmp_path)
    start = time.perf_counter()
    assert not ignore.ignores("a" * 250)
    assert ignore.ignores("aaaaaaaaaaaaaaab")
    assert ignore.ignores("x/1/y/2/z/3/4.k")
    assert not ignore.ignores("y/1.k")
    assert time.perf_counter() - start < 1  # seconds


def test_rules_too_large_to_be_understood_ignore_everything(tmp_path: Path) -> None:
    write(tmp_path, {"sub/.gitignore": "a\n" * (MOST_PATTERNS + 1), "sub/b.py": "", "c.py": ""})
    assert paths(tmp_path) == ["c.py"]


def test_a_link_as_a_file_of_rules_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/rules": "*\n", "work/a.py": ""})
    (tmp_path / "work/.gitignore").symlink_to(tmp_path / "outside/rules")
    assert paths(tmp_path / "work") == ["a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_as_a_file_of_rules_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    os.mkfifo(tmp_path / ".git")
    assert not Ignore.of(tmp_path).ignores("a.py")


# --- walking ---


def test_walk_gives_source_files_with_size_and_time_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, {"b.py": "12345", "a/c.ts": "", ".gitignore": "ignored/\n", "ignored/x.py": ""})
    left_out = [
        "a.png",
        "app.min.js",
        "app.js.map",
        "package-lock.json",
        "api_pb2.py",
        "m.g.dart",
        "F.Designer.cs",
    ]
    left_out += [".env", "key.pem", "node_modules/x/i.js", ".git/config", ".hg/x.py", "a/__pycache__/c.py"]
    left_out += ["env3/pyvenv.cfg", "env3/lib/x.py", ".ssh/config"]
    write(tmp_path, {**dict.fromkeys(left_out, "x"), "huge.py": b"x" * (MOST_BYTES + 1)})
    assert paths(tmp_path) == [".gitignore", "b.py", "a/c.ts"]
    found = (tmp_path / "b.py").stat()
    assert FileEntry("b.py", 5, found.st_mtime_ns) in walk(tmp_path)


def test_walk_follows_no_link_and_ends_in_a_cycle(tmp_path: Path) -> None:
    root = write(tmp_path, {"out/secret.py": "", "work/pkg/a.py": ""}) / "work"
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "pkg/up").symlink_to("..", target_is_directory=True)
    (root / "leaves").symlink_to(tmp_path / "out", target_is_directory=True)
    (root / "leaves.py").symlink_to(tmp_path / "out/secret.py")
    (root / "twice.py").symlink_to("pkg/a.py")
    (root / "dangling.py").symlink_to("nowhere")
    assert paths(root) == ["pkg/a.py"]


def test_walk_of_what_is_no_folder_is_empty(tmp_path: Path) -> None:
    assert paths(tmp_path / "missing") == []
    assert paths(write(tmp_path, {"file": ""}) / "file") == []


@pytest.mark.skipif(os.name == "nt" or not Path("/proc").is_dir(), reason="names are text there")
def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "", "new\nline.py": ""})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.py")).touch()
    assert paths(tmp_path) == ["a.py"]


def test_10000_files_are_walked_in_far_less_than_the_minute_of_indexing(tmp_path: Path) -> None:
    """Some 0.4 s with 90 rules on two shared cores; the bound leaves room for a busy machine."""
    write(tmp_path, {".gitignore": "".join(f"*.x{i}\n/dir{i}/\nfoo{i}\n" for i in range(30))})
    for directory in range(100):
        folder = tmp_path / f"p{directory % 10}" / f"q{directory}"
        folder.mkdir(parents=True)
        for file in range(100):
            (folder / f"module_{file}.py").touch()
    start = time.perf_counter()
    assert len(paths(tmp_path)) == 10_001
    assert time.perf_counter() - start < 3  # seconds


# --- reading ---


def test_text_is_read_as_it_is_but_for_the_byte_order_mark_and_broken_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": b"\xef\xbb\xbfx = 1\r\ny = '\xff'\r\n"})
    assert read_text(tmp_path, "a.py") == "x = 1\r\ny = '\ufffd'\r\n"
    assert why_not(tmp_path, "a.py") == ""


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("../outside.py", "x", "no path inside"),
        ("/etc/passwd", "", "no path inside"),
        ("", "", "no path inside"),
        ("missing.py", None, "no such file"),
        ("nul\0.py", None, "no such file"),
        (".env", "A=1", "with secrets"),
        ("deep/.ssh/config", "x", "with secrets"),
        ("node_modules/a.js", "x", "other people's code"),
        (".git/config", "x", "other people's code"),
        ("a.png", "x", "binary"),
        ("yarn.lock", "x", "lock file"),
        ("a.py", b"x\0y", "binary"),
        ("big.py", b"x\n" * (MOST_BYTES // 2 + 1), "larger than 512 KiB"),
        ("one.js", "var a=1;" * 1_000, "minified"),
        ("g.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x\n", "generated"),
        ("g.py", "# -*- coding: utf-8 -*-\n# @generated by a tool\nx = 1\n", "generated"),
        ("g.cs", "//-----\n// <auto-generated>\n//  by a tool\n", "generated"),
        (
            "g.ts",
            "/* eslint-disable */\n/* This file was automatically generated. Do not edit. */\n",
            "generated",
        ),
        ("skip.py", "x", "ignore"),
    ],
)
def test_what_may_not_be_read_says_why_in_a_sentence(
    tmp_path: Path, path: str, content: str | bytes | None, reason: str
) -> None:
    root = write(tmp_path, {"work/.gitignore": "skip.py\n"}) / "work"
    if content:
        write(root, {path: content})
    ignore = Ignore.of(root)
    assert read_text(root, path, ignore) is None
    said = why_not(root, path, ignore)
    assert reason in said
    assert said.endswith(".")


def test_a_source_that_only_mentions_generated_code_is_read(tmp_path: Path) -> None:
    write(
        tmp_path, {"a.py": 'MARK = "@generated"\nif "Code generated by x. DO NOT EDIT" in text:\n    pass\n'}
    )
    assert read_text(tmp_path, "a.py") is not None


def test_prose_with_a_paragraph_a_line_is_not_minified(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": ("word " * 80 + "\n\n") * 20})
    assert read_text(tmp_path, "a.md") is not None


def test_no_link_out_of_the_workspace_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, {"out/a.py": "secret", "work/b.py": "fine"}) / "work"
    (root / "passwd.txt").symlink_to("/etc/passwd")
    (root / "folder").symlink_to(tmp_path / "out", target_is_directory=True)
    (root / "near.py").symlink_to("../out/a.py")
    for path in ("passwd.txt", "folder/a.py", "near.py"):
        assert read_text(root, path) is None
        assert "out of the workspace" in why_not(root, path) or not Path("/etc/passwd").exists()


def test_a_link_inside_the_workspace_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path, {".env": "A=1", "ignored.py": "x", ".gitignore": "ignored.py\n", "a.py": "fine"})
    for name, target in (
        ("notes.txt", ".env"),
        ("other.py", "ignored.py"),
        ("fine.py", "a.py"),
        ("loop", "loop"),
    ):
        (tmp_path / name).symlink_to(target)
    ignore = Ignore.of(tmp_path)
    assert read_text(tmp_path, "notes.txt", ignore) is None
    assert read_text(tmp_path, "other.py", ignore) is None
    assert read_text(tmp_path, "loop", ignore) is None
    assert read_text(tmp_path, "fine.py", ignore) == "fine"


def test_a_workspace_that_is_reached_by_a_link_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.py": "x"})
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    assert read_text(tmp_path / "link", "a.py") == "x"
    assert paths(tmp_path / "link") == ["a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_or_a_device_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert read_text(tmp_path, "pipe.py") is None
    assert "no regular file" in why_not(tmp_path, "pipe.py")
    assert read_text(Path("/dev"), "zero") is None
    assert paths(tmp_path) == []


def test_every_file_that_walk_gives_is_read_or_refused_with_a_reason() -> None:
    root = Path(__file__).parents[2] / "context"
    ignore = Ignore.of(root)
    for entry in walk(root, ignore):
        assert (read_text(root, entry.path, ignore) is None) == bool(why_not(root, entry.path, ignore))
