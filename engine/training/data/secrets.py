"""Whether a text holds something that looks like a secret; such texts are left out of training whole.

The expressions are those of detect-secrets' plugins for formats that speak for themselves, searched in
the few lines that hold a long run of letters and digits; their `verify`, which asks servers, is never
called. A text that is masked would teach stars, so nothing is masked here.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module

LONGEST_LOOK = 2_000  # letters of one line: some expressions take their time on long ones
_PLUGINS = (
    ("artifactory", "ArtifactoryDetector"), ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"), ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"), ("gitlab_token", "GitLabTokenDetector"), ("jwt",
    "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"), ("openai", "OpenAIDetector"), ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"), ("slack", "SlackDetector"), ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"), ("telegram_token", "TelegramBotTokenDetector"), ("twilio",
    "TwilioKeyDetector"),
)  # fmt: skip
_OWN = (
    r"github_pat_\w{20,}", r"sk-(?:ant|proj|svcacct|or)-[\w-]{16,}", r"hf_[A-Za-z0-9]{30,}",
    r"AIza[\w-]{30,}",
    r"npm_[A-Za-z0-9]{30,}", r"ya29\.[\w-]{20,}", r"glpat-[\w-]{20,}",
)  # fmt: skip
_KEY_BLOCK = re.compile(r"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY[ -]*(?:\\n|\s|[\"'(,+])*[A-Za-z0-9+/=]{16}")
_LONG_RUN = re.compile(r"[\w+/=.-]{20,}")
_DIGIT = re.compile(r"\d")


def has_secret(text: str) -> bool:
    """Whether anything in the text has the form of a key, a token or a private key."""
    if "PRIVATE KEY" in text and _KEY_BLOCK.search(text):
        return True
    seen = -1
    for run in _LONG_RUN.finditer(text):
        if run.start() < seen or not _DIGIT.search(run[0]):
            continue
        start, end = text.rfind("\n", 0, run.start()) + 1, text.find("\n", run.end())
        seen = len(text) if end < 0 else end
        line = text[max(start, run.start() - LONGEST_LOOK) : min(seen, run.start() + LONGEST_LOOK)]
        if any(expression.search(line) for expression in _expressions()):
            return True
    return False


@cache
def _expressions() -> tuple[re.Pattern[str], ...]:
    found = [re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_OWN)})")]
    for module, name in _PLUGINS:
        plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
        found += plugin.denylist
    return tuple(found)
