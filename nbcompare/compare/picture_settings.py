"""When the pictures of a bundle are drawn, and how bright, where nothing else is asked for.

Drawing them is in pictures.py, which is loaded when there is an image.
"""

from __future__ import annotations

DEFAULT_PERCENTILE = 99.5
"""Of the positive pixels; those above are drawn brightest."""

ALWAYS, UNLESS_PASSED = "always", "unless passed"
"""When the pictures of a bundle are drawn: they take longer than the comparison, which matters for many small cells."""
