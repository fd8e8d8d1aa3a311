"""The connection to a Dask scheduler that is there already."""

from __future__ import annotations

import re
from typing import Any

from nbcompare.engine.progress import Progress
from nbcompare.errors import FileError, UsageError

CONNECT_SECONDS = 30
_ADDRESS = re.compile(r"([a-z]+://)?[^/:\s]+:\d{1,5}/?|inproc://\S+|([a-z]+://)?\[[^]\s]+\]:\d{1,5}/?")
"""A scheduler's, with its port: a client that was not given one fails, and then holds up the end of the process."""


def connected(address: str, progress: Progress) -> tuple[Any, Any]:
    """The package ``distributed`` and a client of the scheduler at an address (tcp://HOST:PORT). A scheduler that is
    being started is waited for, which is said at once, as a step that the caller ends.

    Raises UsageError without dask.distributed and of an address without a port, FileError when nobody answers.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"--cluster {address}: that is no address of a Dask scheduler",
                         hint="it is tcp://HOST:PORT, as the scheduler prints it when it starts")
    try:
        import distributed
    except ImportError:
        raise UsageError("--cluster needs dask.distributed", hint="pip install 'nb-compare[cluster]'") from None
    package: Any = distributed  # dask annotates half of itself
    progress.begin(f"scheduler {address}, waited for at most {CONNECT_SECONDS} s")
    progress.tick(0.0, None)
    try:
        return package, package.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        progress.clear()
        raise FileError(f"{address}: no Dask scheduler answers there: {fault}") from None
