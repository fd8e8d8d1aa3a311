"""Work beside this process: pieces of an image in forked ones, files in threads, reading while torch is imported.

Numbered pieces are taken from a pipe, and results go to shared memory.

A worker is a process with one thread of its own, because threads that wait for one another at the end of every
small operation lose most of their time on a busy machine. Pieces are handed out one by one, so that a worker on a
slow core does fewer. Which worker does which piece cannot be seen in the result.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import mmap
import os
import pickle
import struct
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_NUMBER = struct.Struct("=I")
PIPE_BYTES = 32_768
"""Less than any Linux pipe holds, so that all numbers can be written before one is read."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 32 * 2**20
"""The largest that glibc takes; more than any tensor of a tile."""

LARGE_PAGE = 2**21
"""Bytes; an array that is smaller is not worth one."""

MOST_PIECES = PIPE_BYTES // _NUMBER.size


@functools.cache
def keep_freed_memory() -> None:
    """Ask glibc, once for this process and its children, to keep the memory of freed tensors for the next ones: new
    pages from the system for each of them cost more than most operations on a tile. Elsewhere, nothing is done."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def shared_array(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros that parent and forked children see alike; the memory goes back with the array."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(1, size)), dtype=dtype, count=int(np.prod(shape))).reshape(shape)


def large_array(shape: tuple[int, int], dtype) -> np.ndarray:
    """Zeros for threads of this process; in pages of megabytes where the system has such, as thousands of small ones
    take longer than what is rendered to them. The memory goes back with the array."""
    count = int(np.prod(shape))
    size = count * np.dtype(dtype).itemsize
    if size < LARGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    whole = -(-size // LARGE_PAGE) * LARGE_PAGE  # Linux begins memory of whole large pages with one
    memory = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=dtype, count=count).reshape(shape)


@contextlib.contextmanager
def aside(workers: int) -> Iterator[Callable]:
    """A function that calls another in a thread and returns what will wait for its result; at once for one worker. For
    NumPy and files, which do not hold up other threads. Leaving waits for all."""
    if workers <= 1:
        yield lambda work, *arguments: functools.partial(_same, work(*arguments))
        return
    with ThreadPoolExecutor(workers) as pool:
        yield lambda work, *arguments: pool.submit(work, *arguments).result


def _same(result):
    return result


def ahead(work: Callable, *arguments) -> Callable:
    """Call a function in a child process, and return what will wait for its result, or raise what it raised there.

    Where there is neither, because the child was killed or could not be made, the function is called here and now. It
    is not for what failed: a pipe that was read cannot be read again.
    """
    if not hasattr(os, "fork"):
        return functools.partial(work, *arguments)
    source, sink = os.pipe()
    try:
        child = _fork()
    except OSError:
        os.close(source)
        os.close(sink)
        return functools.partial(work, *arguments)
    if not child:
        status = 1
        try:
            os.close(source)
            try:
                outcome: tuple[Any, Exception | None] = work(*arguments), None
            except Exception as fault:
                fault.add_note(traceback.format_exc())
                outcome = None, fault
            with os.fdopen(sink, "wb") as stream:
                pickle.dump(outcome, stream)
            status = 0
        finally:
            os._exit(status)
    os.close(sink)

    def result():
        with os.fdopen(source, "rb") as stream:
            text = stream.read()
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            return work(*arguments)
        found, fault = pickle.loads(text)
        if fault is not None:
            raise fault
        return found

    return result


def share_out(pieces: int, workers: int, work: Callable[[int], None],
              progress: Callable[[int], None] = lambda piece: None) -> None:
    """Call ``work`` once with each number below ``pieces`` (at most MOST_PIECES), in ``workers`` processes.

    This process is one of them, and calls ``progress`` with each of its own numbers when done. Raises RuntimeError
    when a worker fails; its traceback is then on stderr. Workers that have done all end meanwhile, which takes as long
    as a million pixels do; ``wait_for_ended`` sees them go.
    """
    wait_for_ended()
    if workers <= 1 or pieces <= 1 or not hasattr(os, "fork"):
        for piece in range(pieces):
            work(piece)
            progress(piece)
        return
    source, sink = os.pipe()
    os.write(sink, b"".join(_NUMBER.pack(piece) for piece in range(pieces)))
    os.close(sink)
    done, told = os.pipe()
    children, failed = [], 0
    for _ in range(min(workers, pieces) - 1):
        with contextlib.suppress(OSError):  # where no more can be made, fewer do it
            children.append(_forked(source, told, work))
    os.close(told)
    ended = 0
    try:
        for piece in _pieces(source):
            work(piece)
            progress(piece)
        while ended < len(children) and (some := os.read(done, MOST_PIECES)):
            ended += len(some)
    finally:
        for _ in _pieces(source):
            pass
        os.close(source)
        os.close(done)
        _ended.extend(children)
        if ended < len(children):
            failed = wait_for_ended()
    if failed:
        raise RuntimeError(f"{failed} of {len(children)} render workers failed")


_ended: list[int] = []
"""Process numbers of workers that have said that they are done, or have been told to stop."""


def wait_for_ended() -> int:
    """Wait until the workers of this process are gone; how many of them failed."""
    statuses = [os.waitpid(_ended.pop(), 0)[1] for _ in range(len(_ended))]
    return sum(os.waitstatus_to_exitcode(status) != 0 for status in statuses)


def _pieces(source: int) -> Iterator[int]:
    """Numbers from the pipe until it is empty; each is taken by one reader only."""
    while taken := os.read(source, _NUMBER.size):
        yield _NUMBER.unpack(taken)[0]


def _fork() -> int:
    """os.fork, without the warning that threads exist: those of BLAS wait, and no child uses them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _forked(source: int, told: int, work: Callable[[int], None]) -> int:
    """The process number of a new worker, which writes a byte to ``told`` when all is done. It leaves without cleaning
    up, for all it has is its parent's."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = _fork()
    if child:
        return child
    status = 1
    try:
        for piece in _pieces(source):
            if os.getppid() != parent:
                break
            work(piece)
        os.write(told, b".")
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
