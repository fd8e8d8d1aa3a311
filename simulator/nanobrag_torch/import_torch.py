"""Importing torch without a question that it asks for each of its hundred operators: where is this line of source?

``inspect`` answers by following the path of every module there is, link by link, and by reading the source: two of
three looks at the disk while torch is imported. The name of the file, the line and the module of a frame are known to
the frame, and torch takes no more of the answer.

And without what torch registers and defines for those who export, compile or quantize models, a third of its time: such
modules are postponed by ``importlib.util.LazyLoader``, and are themselves once anything of theirs is asked for. Nor are
packages searched for devices of others: there is a processor, or CUDA. A function of its libraries is looked up when it
is first called.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import FrameType, ModuleType
from typing import Any

from nanobrag_torch.import_once import modules_looked_at_once

POSTPONED = frozenset({
    "torch._meta_registrations", "torch.distributed._meta_registrations", "torch.distributions", "torch.export",
    "torch.masked", "torch.nn.intrinsic", "torch.nn.qat", "torch.nn.quantizable", "torch.nn.quantized",
    "torch.quantization", "torch.utils.data", "torchgen.model"})
"""Modules that torch imports for others to find; the first two say what shape results of tensors without data have."""

AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
"""Whether torch asks all installed packages for devices of theirs."""


class Postponing:
    """Finds the modules that are postponed, as ``sys.meta_path`` asks for them."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in POSTPONED else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def frames_answer() -> Iterator[None]:
    """While this lasts, ``inspect`` tells of a frame what that itself knows, of all else what it always does;
    modules are searched in folders as they are when one is first looked at, and those that nothing here asks for are
    postponed."""
    info, module, source = inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile

    def module_of(thing: object, filename: str | None = None) -> ModuleType | None:
        if isinstance(thing, FrameType):
            return sys.modules.get(thing.f_globals.get("__name__", ""))
        return module(thing, filename)

    def source_of(thing: Any) -> str | None:
        return thing.f_code.co_filename if isinstance(thing, FrameType) else source(thing)

    def info_of(frame: Any, context: int = 0) -> inspect.Traceback:
        return info(frame, 0)

    vars(inspect).update(getframeinfo=info_of, getmodule=module_of, getsourcefile=source_of)
    sys.meta_path.insert(0, Postponing)
    given, binding = os.environ.get(AUTOLOAD), sys.getdlopenflags()
    os.environ[AUTOLOAD] = "0"
    sys.setdlopenflags(binding & ~os.RTLD_NOW | os.RTLD_LAZY)
    try:
        with modules_looked_at_once():
            yield
    finally:
        sys.meta_path.remove(Postponing)
        sys.setdlopenflags(binding)
        del os.environ[AUTOLOAD]
        if given is not None:
            os.environ[AUTOLOAD] = given
        vars(inspect).update(getframeinfo=info, getmodule=module, getsourcefile=source)
