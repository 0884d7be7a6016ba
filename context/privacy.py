"""The gate every text passes on its way into a prompt. It knows names, not prompts.

A file whose name says that it holds secrets is never used as context for another file and gets no
completions itself.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import PurePosixPath

SECRET_NAMES = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc",
    ".git-credentials", ".htpasswd", "credentials", "credentials.json", "secrets.*", "*.tfstate",
)  # fmt: skip


def may_be_prompted(path: str) -> bool:
    """Whether the text of a file with this name may enter a prompt at all."""
    name = PurePosixPath(path).name.lower()
    if name in {".env.example", ".env.sample", ".env.template"}:
        return True
    return not any(fnmatch(name, pattern) for pattern in SECRET_NAMES)
