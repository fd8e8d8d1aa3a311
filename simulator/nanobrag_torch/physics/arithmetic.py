"""Elementary functions of numbers and of tensors alike.

A quantity that is one number for the whole image is a float and goes through the C library, bit for bit
as in the C simulator; the same formula takes a tensor (of pixels, or a parameter to differentiate by). A float64
tensor on the CPU goes through functions that give the bits of the C library where torch's vectorised ones may be off
in the last: sin(N x)/sin(x) makes much of that bit near a spot. NumPy's sin, cos and sqrt do. Its exp and arctan2 do
not where the processor has AVX-512, but its complex exp does, and torch's atan2 of what does not lie side by side.
"""

from __future__ import annotations

import math


def _of(name: str):
    scalar = getattr(math, name)

    def function(x):
        if isinstance(x, (float, int)):
            return _as_in_c(scalar, x)
        return _through_numpy(x, name) if _is_plain(x) else getattr(x, name)()

    function.__name__ = name
    function.__doc__ = f"{name}(x) of a number or a tensor."
    return function


def _as_in_c(scalar, x):
    """NaN or infinity where Python's function raises an error."""
    try:
        return scalar(x)
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def _is_plain(x) -> bool:
    """Whether a tensor is float64 on the CPU, and no derivative is wanted of it."""
    return not x.requires_grad and x.device.type == "cpu" and x.dtype.itemsize == 8


def _through_numpy(x, name: str):
    import numpy as np
    import torch

    with np.errstate(all="ignore"):
        if name == "exp":
            return torch.from_numpy(np.asarray(np.exp(x.numpy().astype(np.complex128)).real.copy()))
        return torch.from_numpy(np.asarray(getattr(np, name)(x.numpy())))


sin, cos, sqrt, exp = (_of(name) for name in ("sin", "cos", "sqrt", "exp"))


def atan2(y, x):
    """atan2 of two numbers, or of two tensors."""
    if isinstance(y, (float, int)) and isinstance(x, (float, int)):
        return math.atan2(y, x)
    import torch

    y, x = torch.as_tensor(y, dtype=torch.float64), torch.as_tensor(x, dtype=torch.float64)
    if _is_plain(y) and _is_plain(x):
        apart = torch.stack(torch.broadcast_tensors(y, x), dim=-1)
        return torch.atan2(apart[..., 0], apart[..., 1])
    return torch.atan2(y, x)


def divided(above, below):
    """above / below, rounded once. Where only ``below`` is a tensor, torch itself multiplies by 1/below."""
    if hasattr(below, "detach") and not hasattr(above, "detach"):
        above = below.new_tensor(above)
    return above / below


def evenly(value, x):
    """``value`` for every element of ``x``, also where that is no number; x keeps its derivatives, which are 0."""
    return value + (0.0 * x).nan_to_num()


def number(x) -> float:
    """The plain value of a number or of a tensor of one element, for decisions and for printing."""
    return float(x.detach()) if hasattr(x, "detach") else float(x)


def has_zero(x) -> bool:
    """Whether some element of a tensor is exactly zero."""
    return not bool(x.numpy().all() if _is_plain(x) else x.all())  # NumPy looks in a third of the time


def is_zero(x) -> bool:
    """Whether a number is exactly zero; a tensor never is, so that derivatives reach through it."""
    return isinstance(x, (float, int)) and x == 0.0
