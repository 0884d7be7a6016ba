"""Which files hold secrets, by their name alone. It knows paths, never contents.

A file of such a name is never used as context for another file and gets no completions itself.
"""

from __future__ import annotations

import re
from fnmatch import translate
from pathlib import PurePosixPath

SECRET_NAMES = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc",
    ".git-credentials", ".htpasswd", "credentials", "credentials.json", "secrets.*", "*.tfstate",
    "*.ppk", "*.gpg", "*.tfvars", "*.ovpn", "*.mobileprovision", ".dockercfg", ".vault-token", ".my.cnf",
)  # fmt: skip
SECRET_DIRECTORIES = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".password-store"})
HARMLESS_NAMES = frozenset({".env.example", ".env.sample", ".env.template"})  # made to be shown

_SECRET_NAME = re.compile("|".join(translate(pattern) for pattern in SECRET_NAMES))  # one search, not thirty


def may_be_prompted(path: str) -> bool:
    """Whether the text of a file with this name may enter a prompt at all."""
    *folders, name = PurePosixPath(path.lower()).parts or ("",)
    if name in HARMLESS_NAMES:
        return True
    return not _SECRET_NAME.match(name) and SECRET_DIRECTORIES.isdisjoint(folders)


def names_a_secret_directory(name: str) -> bool:
    """Whether a directory of this name keeps credentials, so that nothing below it is looked at."""
    return name.lower() in SECRET_DIRECTORIES
