"""What the tokens of well-known services look like, as the library detect-secrets knows it.

Its patterns are kept in service_tokens.json, which `make docs` writes from the library: to load that takes an eighth of
a second, as it brings what it would ask the services with, and a small run takes little more.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

MARKS_OF = {
    "artifactory": "AKC", "aws": "A3T aws", "azure_storage_key": "AccountKey=", "cloudant": "cloudant cl",
    "discord": "", "github_token": "gh", "gitlab_token": "gl GR1348941", "ibm_cloud_iam": "key pass token",
    "ibm_cos_hmac": "secret", "jwt": "eyJ", "mailchimp": "-us", "npm": "_authToken", "openai": "sk-",
    "pypi_token": "pypi-", "sendgrid": "SG.", "slack": "xox slack", "softlayer": "softlayer sl",
    "square_oauth": "sq0csp-", "stripe": "_live_", "telegram_token": "", "twilio": "",
}
"""Words, by the detector's module in the library, of which a text must hold one before it is worth a look."""


@functools.cache
def patterns_of(service: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of one detector, compiled."""
    return tuple(re.compile(pattern, flags) for pattern, flags in _table()[service])


@functools.cache
def _table() -> dict[str, list[tuple[str, int]]]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    found: dict[str, list[tuple[str, int]]] = json.loads(text)["patterns"]
    return found
