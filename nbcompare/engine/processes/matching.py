"""Whether a text holds a regular expression, found out in a process that is ended when it takes too long: there are
expressions, and lines of strangers, on which Python's matching would not end in a lifetime."""

from __future__ import annotations

import json
import subprocess
import sys

SECONDS = 10.0
_LONGEST_LINE, _MOST_LINES = 2000, 10_000
_SEARCH = """
import json, re, sys
pattern, lines = json.load(sys.stdin)
expression = re.compile(pattern)
sys.exit(0 if any(expression.search(line) for line in lines) else 3)
"""


def a_line_matches(pattern: str, text: str, seconds: float = SECONDS) -> bool | None:
    """Whether a line of the text holds the expression; None when that could not be found out in ``seconds``. Of each
    line the first 2000 characters are looked at, and of the lines the last 10,000."""
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()[-_MOST_LINES:]]
    try:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", _SEARCH], input=json.dumps([pattern, lines]),
                              text=True, capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {0: True, 3: False}.get(done.returncode)
