"""Importing torch without a question that it asks for each of its hundred operators: where is this line of source?

``inspect`` answers by following the path of every module there is, link by link, and by reading the source: two of
three looks at the disk while torch is imported. The name of the file, the line and the module of a frame are known to
the frame, and torch takes no more of the answer. Nor does it read the lines of a stack that it keeps for a message.

And without what torch registers and defines for those who export, compile or quantize models, a third of its time: such
modules are postponed by ``importlib.util.LazyLoader``, and are themselves once anything of theirs is asked for. Nor are
packages searched for devices of others: there is a processor, or CUDA. A function of its libraries is looked up when it
is first called.

Nor is the source of torch read while it is imported: to see that the bodies of overloads are empty, and which settings
the compiler is to leave out of its keys.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import LazyLoader
from types import FrameType, ModuleType
from typing import Any

from nanobrag_torch.import_once import modules_looked_at_once

POSTPONED = frozenset({
    "torch._meta_registrations", "torch.distributed._meta_registrations", "torch.accelerator", "torch.distributions",
    "torch.export", "torch.masked", "torch.mps", "torch.mtia", "torch.nn.attention", "torch.nn.intrinsic",
    "torch.nn.qat", "torch.nn.quantizable", "torch.nn.quantized", "torch.profiler", "torch.quantization",
    "torch.utils.data", "torchgen.model"})
"""Modules that torch imports for others to find; the first two say what shape results of tensors without data have."""

OWN_TEXT: dict[str, dict[str, Callable[[Any], Any]]] = {
    "torch._jit_internal": {"_check_overload_body": lambda function: None},
    "torch.utils._config_module": {"get_assignments_with_compile_ignored_comments": lambda module: set()}}
"""By module the functions that read the text of torch, and what they say while it is imported."""

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


class _WithoutItsText(SourceFileLoader):
    """Loads a module of ``OWN_TEXT``, whose own functions ``kept`` has then."""

    kept: dict[str, Any]

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        there = {name: said for name, said in OWN_TEXT[self.name].items() if name in vars(module)}
        self.kept = {name: vars(module)[name] for name in there}
        vars(module).update(there)


class Unread:
    """Finds the modules of ``OWN_TEXT``, and gives them their own functions back in the end."""

    def __init__(self) -> None:
        self._loaders: list[_WithoutItsText] = []

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in OWN_TEXT else None
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _WithoutItsText(spec.loader.name, spec.loader.path)
            self._loaders.append(spec.loader)
        return spec

    def end(self) -> None:
        for loader in self._loaders:
            if loader.name in sys.modules:
                vars(sys.modules[loader.name]).update(loader.kept)


@contextmanager
def frames_answer() -> Iterator[None]:
    """While this lasts, ``inspect`` tells of a frame what that itself knows, of all else what it always does;
    modules are searched in folders as they are when one is first looked at, and those that nothing here asks for are
    postponed."""
    info, module, source = inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile
    stack = traceback.format_stack

    def module_of(thing: object, filename: str | None = None) -> ModuleType | None:
        if isinstance(thing, FrameType):
            return sys.modules.get(thing.f_globals.get("__name__", ""))
        return module(thing, filename)

    def source_of(thing: Any) -> str | None:
        return thing.f_code.co_filename if isinstance(thing, FrameType) else source(thing)

    def info_of(frame: Any, context: int = 0) -> inspect.Traceback:
        return info(frame, 0)

    def stack_of(frame: Any = None, limit: int | None = None) -> list[str]:
        found = list(traceback.walk_stack(frame or sys._getframe(1)))[:limit]
        return [f'  File "{place.f_code.co_filename}", line {line}, in {place.f_code.co_name}\n'
                for place, line in reversed(found)]

    vars(traceback).update(format_stack=stack_of)
    vars(inspect).update(getframeinfo=info_of, getmodule=module_of, getsourcefile=source_of)
    unread = Unread()
    sys.meta_path[:0] = [Postponing, unread]
    given, binding = os.environ.get(AUTOLOAD), sys.getdlopenflags()
    os.environ[AUTOLOAD] = "0"
    sys.setdlopenflags(binding & ~os.RTLD_NOW | os.RTLD_LAZY)
    try:
        with modules_looked_at_once():
            yield
    finally:
        sys.meta_path.remove(Postponing)
        sys.meta_path.remove(unread)
        unread.end()
        sys.setdlopenflags(binding)
        del os.environ[AUTOLOAD]
        if given is not None:
            os.environ[AUTOLOAD] = given
        vars(traceback).update(format_stack=stack)
        vars(inspect).update(getframeinfo=info, getmodule=module, getsourcefile=source)
