"""One JSON document on standard output: what ``--format json`` and ``--json`` print.

Each has a schema, schemas/COMMAND.json (JSON Schema draft-07), which ships with the package for other programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from nbcompare.files import dump_json

SCHEMA_VERSION = 1


def say_document(facts: Mapping[str, Any]) -> None:
    """Print the facts, with the version of their schema first."""
    click.echo(dump_json({"schema_version": SCHEMA_VERSION, **facts}), nl=False)
