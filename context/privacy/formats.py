"""Secrets whose letters say what they are: tokens with a prefix, headers, credentials in addresses.

The expressions are those of detect-secrets' plugins, searched here for their places in a line (the plugins
report values only, and of some matches only a group such as `ghp`), and after them what the plugins lack. No
plugin's `analyze_line` or `verify` is ever called: those read global settings and ask servers whether a
secret is valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

PLUGINS = (
    # module, class, and the group that holds the secret (0: the whole match)
    ("artifactory", "ArtifactoryDetector", 0),
    ("aws", "AWSKeyDetector", -1),  # -1: the last group where the expression has one
    ("azure_storage_key", "AzureStorageKeyDetector", 0),
    ("basic_auth", "BasicAuthDetector", 1),
    ("cloudant", "CloudantDetector", -1),
    ("discord", "DiscordBotTokenDetector", 0),
    ("github_token", "GitHubTokenDetector", 0),
    ("gitlab_token", "GitLabTokenDetector", 0),
    ("ibm_cloud_iam", "IbmCloudIamDetector", -1),
    ("ibm_cos_hmac", "IbmCosHmacDetector", -1),
    ("mailchimp", "MailchimpDetector", 0),
    ("openai", "OpenAIDetector", 0),
    ("pypi_token", "PypiTokenDetector", 0),
    ("sendgrid", "SendGridDetector", 0),
    ("slack", "SlackDetector", 0),
    ("softlayer", "SoftlayerDetector", -1),
    ("square_oauth", "SquareOAuthDetector", 0),
    ("stripe", "StripeDetector", 0),
    ("telegram_token", "TelegramBotTokenDetector", 0),
    ("twilio", "TwilioKeyDetector", 0),
)
# Left out: npm (quadratic, 34 ms on 4,000 letters; IN_CONTEXT has it), private_key (key_blocks knows where a
# block ends), jwt (its expression ends before the signature), keyword and high_entropy_strings (assignments
# and randomness say why), ip_public (an address is no secret).

OWN = (
    r"github_pat_[A-Za-z0-9_]{20,}",  # fine-grained; the plugin knows the older prefixes
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"gl(?:pat|dt|ft|soat|rt|ptt|agent|imt|cbt|ffct|oas)-[A-Za-z0-9_-]{20,}",
    r"sk-(?:ant|proj|svcacct|admin|or|lf)-[A-Za-z0-9_-]{16,}",  # Anthropic, OpenAI, OpenRouter, Langfuse
    r"sk-[A-Za-z0-9]{20,}",  # OpenAI's older and its imitators'
    r"(?:gsk_|xai-|pplx-|hf_|r8_|nvapi-|fw_|csk-)[A-Za-z0-9]{24,}",  # Groq, Hugging Face, Replicate, ...
    r"AIza[A-Za-z0-9_-]{30,}",  # Google
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"1//0[A-Za-z0-9_-]{30,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-AgE[A-Za-z0-9_-]{20,}",
    r"xox[a-z]-[A-Za-z0-9-]{10,}",  # Slack's newer kinds
    r"xapp-\d-[A-Za-z0-9-]{10,}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe; the plugin knows neither tests nor other lengths
    r"whsec_[A-Za-z0-9+/=]{20,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}",  # JSON web tokens, all parts
    r"AGE-SECRET-KEY-1[A-Za-z0-9]{20,}",
    r"AGE-PLUGIN-[A-Z0-9-]{20,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"dop_v1_[a-f0-9]{40,}",  # DigitalOcean
    r"do[or]_v1_[a-f0-9]{40,}",
    r"dapi[a-f0-9]{32}",  # Databricks
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{24,}",  # Shopify
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{24,}",  # Doppler
    r"lin_api_[A-Za-z0-9]{30,}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
    r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}",  # Terraform Cloud
    r"NRAK-[A-Z0-9]{20,}",  # New Relic
    r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}",  # Grafana
    r"PMAK-[A-Fa-f0-9-]{30,}",  # Postman
    r"(?:secret|ntn)_[A-Za-z0-9]{40,}",  # Notion
    r"sntry[su]_[A-Za-z0-9+/=_-]{30,}",  # Sentry
    r"figd_[A-Za-z0-9_-]{30,}",
    r"EAA[A-Za-z0-9]{60,}",  # Facebook
    r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}",  # bcrypt: a hash that is there to be broken
    r"\$(?:5|6|y|argon2id?)\$[./A-Za-z0-9$,=+]{20,}",
)
_OWN = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(OWN)})")

IN_CONTEXT = (
    # the group is the secret; a word before it says so
    re.compile(r"(?i):_(?:auth|authtoken|password)[\"']?\s{0,9}[=:]\s{0,9}[\"']?([^\s\"']{8,500})"),  # npm
    re.compile(
        r"(?i)\b(?:bearer|basic|apikey|negotiate|digest)\s+(?=[A-Za-z._~+/=-]*\d)([A-Za-z0-9._~+/=-]{12,})"
    ),
    re.compile(
        r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:token|key)?\s+(?=\S*\d)([A-Za-z0-9._~+/=-]{12,})"
    ),
    re.compile(r"(?i)\b(?:account|shared ?access)key=([A-Za-z0-9+/]{20,}={0,2})"),
    re.compile(r"(?i)[?&;\"']sig=([A-Za-z0-9%+/]{20,}={0,2})"),  # Azure's signed addresses
    re.compile(r"https://(?:\w+\.)?(?:discord|discordapp)\.com/api/webhooks/(\d+/[\w-]{20,})"),
    re.compile(r"https://\w+\.webhook\.office\.com/webhookb2/([\w@/-]{20,})"),
    re.compile(r"(?i)https://hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{12,})"),
    re.compile(
        r"://[^\s:/@\"'<>`]{0,100}:([^\s/\"'<>`]{1,200})@(?=[\w\[{$%.])"
    ),  # the plugin wants a name and no marks
)

MARKERS = re.compile(
    r"gh[pousr]_|github_pat_|gl(?:pat|dt|ft|soat|rt|ptt|agent|imt|cbt|ffct|oas)-|GR1348941|sk-|gsk_|xai-|pplx-|hf_|r8_|nvapi-|fw_|csk-|AIza|GOCSPX-|ya29\."
    r"|1//0|npm_|pypi-AgE|xox[a-z]-|xapp-|[sr]k_(?:live|test)_|whsec_|eyJ|AGE-|SG\.|do[por]_v1_|dapi|shp[acps]{1,2}_|dp\."
    r"|lin_api_|hv[sbr]\.|atlasv1|NRAK-|gl(?:sa|c)_|PMAK-|secret_|ntn_|sntry|figd_|EAA|\$2[abxy]\$|\$(?:5|6|y|argon)"
    r"|A3T|ABIA|ACCA|AKIA|ASIA|AKC|sq0csp-|T3BlbkFJ|AccountKey="
)  # every format above that needs no digit begins with one of these: what lacks both is not looked at further

_TEMPLATE = re.compile(r"^[$%{<\[*]|\$\{|\{\{|\{\w*\}|%\(|<\w+>|^[x.*]+$", re.IGNORECASE)
_WORD = re.compile(r"^(?:pass(?:word|wd)?|pwd?|secret|token|username|user|credentials?)$", re.IGNORECASE)


def known_formats(line: str) -> Iterator[tuple[int, int]]:
    """The places in a line of secrets of well-known formats, as code points from and to; they may overlap."""
    places = [found.span() for found in _OWN.finditer(line)]
    for expression in IN_CONTEXT:
        places += [found.span(1) for found in expression.finditer(line) if not _is_placeholder(found[1])]
    yield from places
    for expression, group in plugin_expressions():
        for found in expression.finditer(line):
            first, last = found.span(group)
            if _is_placeholder(found[group]) or not any(letter.isdigit() for letter in found[0]):
                continue
            if not any(first <= start and end <= last for start, end in places):  # else: seen more exactly
                yield first, last


def _is_placeholder(value: str) -> bool:
    return bool(_TEMPLATE.search(value) or _WORD.match(value))


@cache
def plugin_expressions() -> tuple[tuple[re.Pattern[str], int], ...]:
    """The plugins' expressions, each with the group that is the secret. The first call takes 0.3 s."""
    expressions = []
    for module, name, group in PLUGINS:
        plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
        for expression in plugin.denylist:
            place = expression.groups if group == -1 else group
            expressions.append((expression, min(place, expression.groups)))
    return tuple(expressions)
