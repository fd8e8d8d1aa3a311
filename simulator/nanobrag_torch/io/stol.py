"""Tables of an amorphous background: two columns. They have no effect on the image, so the file is only checked."""

from __future__ import annotations

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import Allowed, read_text, real, text_lines

_COMMENTS = Allowed(comments=True)
"""Published tables have comments, and nothing in them can change the image: they need not be asked for."""


def check_stol(path, like_c: bool = False) -> None:
    """Raise InputFileError unless every line that is not blank or a comment begins with two numbers, and there is one.

    ``like_c`` (emulation source-file-lines): any text will do, as the C program makes numbers of it that it never uses.
    """
    lines = [(number, line.split()) for number, line in text_lines(read_text(path, _COMMENTS)) if line.split()]
    if like_c:
        return
    for number, words in lines:
        if len(words) == 1:
            raise InputFileError(f"two numbers expected, {words[0]!r} found", path, number, words[0])
        for word in words[:2]:
            real(word, path, number)
    if not lines:
        raise InputFileError("no numbers found", path)
