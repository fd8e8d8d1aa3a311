"""What the harness knows of tokens (nbcompare/engine/processes/service_tokens.json), read from detect-secrets."""

from __future__ import annotations

import json
from importlib import import_module, metadata

DETECTORS = {
    "artifactory": "ArtifactoryDetector", "aws": "AWSKeyDetector", "azure_storage_key": "AzureStorageKeyDetector",
    "cloudant": "CloudantDetector", "discord": "DiscordBotTokenDetector", "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector", "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector", "jwt": "JwtTokenDetector", "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector", "openai": "OpenAIDetector", "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector", "slack": "SlackDetector", "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector", "stripe": "StripeDetector", "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""Modules of the library, and the class in each."""


def token_table() -> str:
    """The table as JSON, one detector a line: patterns with their flags."""
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(_patterns(name))}" for name in DETECTORS)
    origin = f"detect-secrets {metadata.version('detect-secrets')} (Apache-2.0)"
    return (f'{{"about": "Generated from {origin} by make docs.",\n'
            f'"patterns": {{\n{rows}\n}}}}\n')


def _patterns(name: str) -> list[tuple[str, int]]:
    """Those of one detector. The only group of GitHub's holds a prefix; all of what it finds is secret."""
    kind = getattr(import_module(f"detect_secrets.plugins.{name}"), DETECTORS[name])
    return [(pattern.pattern.replace("(ghp|", "(?:ghp|"), pattern.flags) for pattern in kind.denylist]
