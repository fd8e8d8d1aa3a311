"""NumPy under its usual name ``np``, loaded when something of it is first asked for: a case is read, and its engines
begin, without it. Who reads types is shown the real one.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["np"]

if TYPE_CHECKING:
    import numpy as np
else:
    class _NumPy(ModuleType):
        def __getattr__(self, name):
            import numpy

            vars(self).update(vars(numpy))  # from now on a name of it takes no longer than one of NumPy itself
            return getattr(numpy, name)

    np = _NumPy("numpy")
