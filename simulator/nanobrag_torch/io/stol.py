"""Tables of an amorphous background: two columns. They have no effect on the image, so the file is only checked."""

from __future__ import annotations

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import read_text, real


def check_stol(path) -> None:
    """Raise InputFileError unless every line that is not blank begins with two numbers, and there is one."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if len(words) == 1:
            raise InputFileError(f"two numbers expected, {words[0]!r} found", path, number, words[0])
        for word in words[:2]:
            real(word, path, number)
