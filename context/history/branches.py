"""Where a branch begins: the project's main line, and the commit that a branch left it at."""

from context.history import place
from context.history.git import Git, GitError

# The names that a main line goes by, the likeliest first; what origin/HEAD names comes before them.
DEFAULT_BRANCHES = ("main", "master", "trunk", "develop")
_REMOTE = "refs/remotes/origin/"
_LOCAL = "refs/heads/"


def main_line(git: Git) -> tuple[str, ...]:
    """The commits at which the main line stands, here and at the origin.

    Nothing where HEAD is on the main line itself, or where no branch goes by such a name.
    """
    said = place.target_of(git.place, _REMOTE + "HEAD").removeprefix(_REMOTE)
    for branch in ([said] if said else []) + list(DEFAULT_BRANCHES):
        found = [git.commit_of(directory + branch) for directory in (_REMOTE, _LOCAL)]
        if any(found):
            return () if branch == git.head.branch else tuple(commit for commit in found if commit)
    return ()


def base_of(git: Git, main: tuple[str, ...], *, timeout_s: float) -> str:
    """The commit at which HEAD left the main line; "" where it did not, or beyond a shallow clone."""
    if not main or not git.head.commit:
        return ""
    try:
        output = git.run("merge-base", git.head.commit, *main, timeout_s=timeout_s)
    except GitError:  # it ends with 1 where histories have nothing in common
        return ""
    base = output.decode("ascii").strip()
    return "" if base == git.head.commit else base
