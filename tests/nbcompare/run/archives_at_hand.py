"""Archives made without an engine: rewritten ones, those of a stand-in for a worker, and of a pool that breaks."""

import zipfile
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from nbcompare.bundle.archive.sealed import Archive, Sealing
from nbcompare.bundle.bundle import contents_of
from nbcompare.run.sweep.groups import Left


def rewritten(path, changes):
    """The archive with other bytes for the names that end so, or with such files beside."""
    with zipfile.ZipFile(path) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    for ending, change in changes.items():
        for name in [name for name in contents if name.endswith(ending)] or [ending]:
            contents[name] = change(contents.get(name, b""))
    path.unlink()
    with zipfile.ZipFile(path, "w") as made:
        for name, content in contents.items():
            made.writestr(name, content)


def made(path, group, place):
    """What a worker makes of a group: here, of bundles that are there."""
    with Archive(path) as source:
        sealing = Sealing(place.made)
        for order in group:
            cell = source.cells[order.case.name]
            sealing.add(contents_of(source.extract(cell.cell, place.work)), replace(cell, stamp=place.stamp))
        sealing.seal()
    return Left()


class Pool:
    """A pool in this process, which breaks with the first group that holds cell two, and with that cell ``alone``."""

    def __init__(self, broken, alone):
        self.broken, self.alone = broken, alone

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def shutdown(self, **_):
        pass

    def submit(self, task, group, place):
        future, names = Future(), [order.case.name for order in group]
        if "grid.two" in names and (len(names) > 1 or self.alone):
            place.made.write_bytes(b"half an archive")
            self.broken.append(names)
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(task(group, place))
        return future
