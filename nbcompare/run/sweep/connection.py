"""The connection to a Dask scheduler that is there already."""

from __future__ import annotations

from typing import Any

from nbcompare.errors import FileError, UsageError

CONNECT_SECONDS = 30


def connected(address: str) -> tuple[Any, Any]:
    """The package ``distributed`` and a client of the scheduler at an address (tcp://HOST:PORT).

    Raises UsageError without dask.distributed, FileError when nobody answers.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError("--cluster needs dask.distributed", hint="pip install 'nb-compare[cluster]'") from None
    package: Any = distributed  # dask annotates half of itself
    try:
        return package, package.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        raise FileError(f"{address}: no Dask scheduler answers there: {fault}") from None
