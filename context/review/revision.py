"""A revision as a user writes it ("main", "HEAD~3", "origin/main", a sha) to the commit it names.

git is shown no refs (see ``context.history.git``), so names are looked up here, and git walks from there.
"""

from __future__ import annotations

import re

from context.history import branches
from context.history.git import Git, GitError

_PARTS = re.compile(r"(?P<name>[^~^\s]+?)(?P<walk>(?:[~^]\d*)*)")
_SHA = re.compile(r"[0-9a-fA-F]{4,64}")
_DIRECTORIES = ("refs/heads/", "refs/tags/", "refs/remotes/", "")  # git's own order has tags first


def commit_named(git: Git, revision: str, *, timeout_s: float = 10) -> str:
    """The commit that ``revision`` names. Raises ``GitError`` with a sentence where there is none."""
    parts = _PARTS.fullmatch(revision.strip())
    if parts is None or revision.startswith("-"):
        raise GitError(
            f"{revision!r} is no revision; name a branch, a tag or a commit, such as main or HEAD~1"
        )
    name, found = parts["name"], ""
    if name in ("HEAD", "@"):
        found = git.head.commit
    else:
        found = next((sha for at in _DIRECTORIES if (sha := git.commit_of(at + name))), "")
    if not found and _SHA.fullmatch(name):
        found = name
    if found:
        try:
            asked = f"{found}{parts['walk']}^{{commit}}"
            return git.run("rev-parse", "--verify", "--quiet", asked, timeout_s=timeout_s).decode().strip()
        except GitError:
            pass
    raise GitError(f"there is no revision {revision!r} here")


def base_and_name(git: Git, revision: str, *, timeout_s: float = 10) -> tuple[str, str]:
    """The commit that a review compares with, and what to call it.

    That is where HEAD left ``revision``; of "", where it left the main line, and HEAD where it did not. ""
    stands for the empty state before the first commit. Raises ``GitError``.
    """
    head = git.head.commit
    if not head:
        return "", "nothing (no commit yet)"
    if revision:
        named = commit_named(git, revision, timeout_s=timeout_s)
        if named == head:
            return head, revision
        try:
            found = git.run("merge-base", head, named, timeout_s=timeout_s).decode().strip()
        except GitError as error:
            raise GitError(
                f"HEAD and {revision} have no common commit here; is the clone shallow?"
            ) from error
        return found, revision
    main = branches.main_line(git)
    if not main and git.head.branch and (there := git.commit_of(f"refs/remotes/origin/{git.head.branch}")):
        main = (there,)  # on the main line itself: what was not pushed yet
    base = branches.base_of(git, main, timeout_s=timeout_s)
    return (base, "the main line") if base else (head, "HEAD")
