"""What is made when it is first needed, so that a command begins sooner: NumPy under its usual name ``np``, and the
methods of dataclasses.

A case is read and its engines begin without NumPy, and without most of the methods that Python writes and compiles for
a dataclass: six, 0.6 ms a class, of which a run needs a hundred before its engines begin. Who reads types is shown the
real ones.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["dataclass", "np"]

if TYPE_CHECKING:
    from dataclasses import dataclass

    import numpy as np
else:
    class _NumPy(ModuleType):
        def __getattr__(self, name):
            import numpy

            vars(self).update(vars(numpy))  # from now on a name of it takes no longer than one of NumPy itself
            return getattr(numpy, name)

    np = _NumPy("numpy")

    def dataclass(cls=None, /, *, frozen=False, eq=True):
        """``dataclasses.dataclass`` with these two options. ``__init__`` is written and compiled when the first object
        is made; the others are the same few functions for every class."""
        if cls is None:
            return partial(dataclass, frozen=frozen, eq=eq)
        if cls.__doc__ is None:
            cls.__doc__ = cls.__name__  # else one is made of the signature, which takes as long as all else
        inherits = frozen and any(map(dataclasses.is_dataclass, cls.__bases__))  # these are few, and have to agree
        dataclasses.dataclass(init=False, repr=False, eq=False, frozen=inherits)(cls)
        cls.__dataclass_params__.frozen = frozen
        own = _methods(cls, frozen, eq)
        for name in own.keys() - vars(cls).keys():
            setattr(cls, name, own[name])
        return cls

    def _methods(cls, frozen, eq):
        fields = dataclasses.fields(cls)
        names = [field.name for field in fields]
        compared = _values([field.name for field in fields if field.compare])

        def __init__(self, *given, **named):
            cls.__init__ = _init(cls, fields, frozen)
            cls.__init__(self, *given, **named)

        def __repr__(self):
            said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({said})"

        def __eq__(self, other):
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(compared(self))

        def __setattr__(self, name, value):
            if type(self) is cls or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            super(cls, self).__setattr__(name, value)

        def __delattr__(self, name):
            if type(self) is cls or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
            super(cls, self).__delattr__(name)

        return {"__init__": __init__, "__repr__": __repr__,
                **({"__eq__": __eq__, "__hash__": __hash__ if frozen else None} if eq else {}),
                **({"__setattr__": __setattr__, "__delattr__": __delattr__} if frozen else {})}

    def _values(names):
        """What gives the values of these fields as a tuple, as attrgetter does from two on."""
        if len(names) > 1:
            return attrgetter(*names)
        return lambda self: tuple(getattr(self, name) for name in names)

    def _init(cls, fields, frozen):
        """The real ``__init__``: it takes the fields in their order, those that have to be named last."""
        known, lines, words, named = {"put": object.__setattr__, "unset": object()}, [], [], []
        for at, field in enumerate(fields):
            word, value = field.name, field.name
            if field.default is not dataclasses.MISSING:
                known[f"default_{at}"] = field.default
                word += f"=default_{at}"
            elif field.default_factory is not dataclasses.MISSING:
                known[f"make_{at}"] = field.default_factory
                word += "=unset"
                value = f"make_{at}() if {value} is unset else {value}"
            (named if field.kw_only else words).append(word)
            lines.append(f"put(self, {field.name!r}, {value})" if frozen else f"self.{field.name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        order = ", ".join(["self", *words, *(["*", *named] if named else [])])
        exec(f"def __init__({order}):\n " + "\n ".join(lines or ["pass"]), known)
        made = known["__init__"]
        made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
        return made
