"""What Bokeh draws, as the plain values that its script reads: models with their attributes, and documents of them.

Bokeh's own classes would check every attribute of every model, and loading them alone takes longer than all the rest of
a page. So models are written here as Bokeh would write them, without the attributes that are as its script has them
anyway; tests let Bokeh read them back.
"""

from __future__ import annotations

import base64
import functools
import gzip
import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_SCRIPT = Path("server", "static", "js", "bokeh.min.js")
"""Its core alone, as widgets and tables of a page are those of the browser."""


class Model:
    """A model of Bokeh, by the name of its class. One that several others hold is the same in all of them."""

    def __init__(self, kind: str, **attributes: Any) -> None:
        self.kind, self.attributes = kind, attributes


def source(data: Mapping[str, Sequence[Any]], **attributes: Any) -> Model:
    """Columns that glyphs are drawn from."""
    return Model("ColumnDataSource", data=_Columns(data), **attributes)


def drawn(columns: Model, glyph: str, **attributes: Any) -> Model:
    """A glyph drawn for each row of some columns. A word among its attributes names a column; but one that is a colour,
    a dash or a kind of marker is that."""
    fields = {name: {"type": "field", "field": value} if isinstance(value, str) and name not in _WORDS else value
              for name, value in attributes.items()}
    return Model("GlyphRenderer", data_source=columns, glyph=Model(glyph, **fields))


_WORDS = frozenset(("line_color", "fill_color", "text_color", "text_font_size", "line_dash", "marker"))


def document(roots: Mapping[str, Model]) -> dict[str, Any]:
    """Models by the id of the element that each is drawn into, as Bokeh's script embeds them."""
    writer = _Writer()
    written = [writer.written(model) for model in roots.values()]
    places = {writer.ids[model]: place for place, model in roots.items()}
    return {"documents": {"page": {"title": "", "roots": written}},
            "items": [{"docid": "page", "roots": places, "root_ids": list(places)}]}


class _Columns(dict[str, Sequence[Any]]):
    """A mapping whose keys are data."""


class _Writer:
    """Writes each model whole where it comes first, and by its id after that."""

    def __init__(self) -> None:
        self.ids: dict[Model, str] = {}

    def written(self, value: Any) -> Any:
        if isinstance(value, Model):
            return self._model(value)
        if isinstance(value, _Columns):
            return {"type": "map", "entries": [[name, self.written(column)] for name, column in value.items()]}
        if isinstance(value, np.ndarray):
            return _array(value)
        if isinstance(value, list | tuple):
            return [self.written(entry) for entry in value]
        if isinstance(value, float) and not math.isfinite(value):
            return {"type": "number", "value": "nan" if math.isnan(value) else "+inf" if value > 0 else "-inf"}
        return value

    def _model(self, model: Model) -> dict[str, Any]:
        if model in self.ids:
            return {"id": self.ids[model]}
        self.ids[model] = name = f"p{1000 + len(self.ids)}"
        return {"type": "object", "name": model.kind, "id": name,
                "attributes": {key: self.written(value) for key, value in model.attributes.items()}}


def _array(array: np.ndarray) -> dict[str, Any]:
    data = gzip.compress(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes(), mtime=0)
    return {"type": "ndarray", "array": {"type": "bytes", "data": base64.b64encode(data).decode("ascii")},
            "shape": list(array.shape), "dtype": array.dtype.name, "order": "little"}


# --- the library itself -----------------------------------------------------------------------------------------


def has_bokeh() -> bool:
    """Whether its script is there to be put into a page."""
    return _script() is not None


@functools.cache
def bokeh_script() -> str:
    """The library, as it can stand inside a script element. Call it where has_bokeh."""
    path = _script()
    assert path is not None
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


def _script() -> Path | None:
    found = importlib.util.find_spec("bokeh")  # not imported: only a file of it is wanted
    path = Path(found.origin).parent / _SCRIPT if found and found.origin else None
    return path if path and path.is_file() else None
