"""A real git repository made for a test, by ordinary git with a configuration of the test's own."""

import os
import subprocess
from pathlib import Path

CONFIGURATION = """
[user]
	name = Test
	email = test@example.org
[init]
	defaultBranch = main
[core]
	autocrlf = false
[commit]
	gpgSign = false
[protocol "file"]
	allow = always
"""


class Repository:
    """A repository at `root`; commits are a minute apart, from a fixed date on."""

    def __init__(self, root: Path, *init: str):
        self.root = root
        self.home = root.parent / f"{root.name}.home"
        self.home.mkdir(parents=True)
        (self.home / ".gitconfig").write_text(CONFIGURATION)
        self.minutes = 0
        root.mkdir(exist_ok=True)
        if init != ("existing",):
            self.git("init", "-q", *init)

    def git(
        self, *args: str, stdin: bytes = b"", check: bool = True, at: Path | None = None, **more: str
    ) -> str:
        """Runs ordinary git, as the user would; its output without the last line end."""
        self.minutes += 1
        date = f"{1_700_000_000 + 60 * self.minutes} +0000"
        environment = os.environ | {
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "GIT_TERMINAL_PROMPT": "0",
            **more,
        }
        done = subprocess.run(
            ["git", *args], cwd=at or self.root, env=environment, input=stdin, capture_output=True, timeout=60
        )
        if check and done.returncode:
            raise AssertionError(f"git {args}: {done.stderr.decode(errors='replace')}")
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, path: str, text: str | bytes) -> Path:
        """Writes a file of the working tree."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def commit(self, message: str, files: dict[str, str | bytes] | None = None) -> str:
        """Writes files, stages all and commits; the commit's id."""
        for path, text in (files or {}).items():
            self.write(path, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
