"""Words that were drawn, not written: what tells a token whose form nobody published from a name.

A drawn word mixes capitals, small letters and digits all along; a name, however long, is made of words. Sums, commits
and identifiers are drawn too, but of few letters (hexadecimal), or say beforehand what they are (``sha256=``).
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAY_BE_DRAWN = r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=[0-9a-fA-F]*[G-Zg-z])[A-Za-z0-9]{16}"
"""A text without it holds no drawn word: quickly found to be missing in numbers, sums and prose."""
_WORD = r"[A-Za-z0-9_-]{20,200}"
_LINE_OF_A_FILE = 64
"""Letters and digits in a row from which on a word without a prefix may be a line of a certificate or a public key."""
_ALONE = rf"(?<![A-Za-z0-9_+/=-]){_WORD}(?![A-Za-z0-9_+/-])|(?<=[=:/?]){_WORD}(?![A-Za-z0-9_+/-])"
"""These are compiled when a text first needs them: every command loads this module."""
_CHAIN = r"[A-Za-z0-9]+"
_PIECES = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+"
_FORMULA = r"(?:[A-Z][a-z]?\d*)+"
_SAID_TO_BE = r"(?i:sha\d*|md5|blake2[bs]?|fingerprint|integrity|digest|nonce|etag)['\"]?[\s:=-]{1,3}\Z"
_AS_PATH = r"(?<![\w:/])(?:[A-Za-z]:)?[\w.+~-]*(?:/[\w.+~@ -]+)*/\Z"
_PREFIXED = (r"(?<![A-Za-z0-9_./-])[A-Za-z][A-Za-z0-9]{1,11}(?:[_.-][A-Za-z0-9]{1,9}){0,2}[_.~-]"
             r"([a-z0-9]{24,64}|[A-Z0-9]{24,64})(?![\w-])")
_ISSUED = r"(?<![\w./-])(?:[sb]\.[A-Za-z0-9]{24}|cio[A-Za-z0-9]{32}|EAAA[\w-]{50,})(?![\w-])"
_NO_PREFIX = r"(?i:sha\d*|md5|cp\d|py\d|commit|build|image|tmp|temp|run|job|worker|cache|manylinux)"
LETTERS_PER_PIECE = 2.2
"""Of words that are drawn 83 of 100 of 24 characters have pieces that are shorter (written words, some: 3 to 6)."""


def looks_drawn(word: str) -> bool:
    """Whether a word of capitals, small letters and digits has no words in it."""
    chain = max(map(len, re.findall(_CHAIN, word)), default=0)
    prefixed = re.match(r"[A-Za-z0-9]{1,16}[_-]", word)
    if chain < 16 or (chain >= _LINE_OF_A_FILE and not prefixed) or word.startswith(("_Z", "AAAA", "0x")):
        return False
    plain = word.replace("_", "").replace("-", "")
    pieces = re.findall(_PIECES, plain)
    capitals = sum(map(str.isupper, plain))
    digits = sum(map(str.isdigit, plain))
    return (sum(map(str.isdigit, pieces)) >= 2 and capitals >= 3 and len(plain) - capitals - digits >= 3
            and len(plain) < LETTERS_PER_PIECE * len(pieces) and not re.fullmatch(_FORMULA, plain))


def without_drawn(text: str, hide: Callable[[re.Match[str]], str]) -> str:
    """The text with every drawn word in it given to ``hide``; words of a path, and sums that say so, are left alone."""
    text = re.sub(_ISSUED, lambda found: hide(found) if _of_all_kinds(found[0]) else found[0], text)
    return re.sub(_PREFIXED, lambda found: hide(found) if _is_token(found) else found[0],
                  re.sub(_ALONE, lambda found: hide(found) if _is_drawn(found) else found[0], text))


def has_drawn(line: str) -> bool:
    """Whether ``without_drawn`` may find something in a line, or in a text that it is a line of: no such word reaches
    over the end of a line, and what stands before it can only let it stay."""
    return bool(any(_of_all_kinds(found[0]) for found in re.finditer(_ISSUED, line))
                or any(looks_drawn(found[0]) for found in re.finditer(_ALONE, line))
                or any(map(_is_token, re.finditer(_PREFIXED, line))))


def _is_drawn(found: re.Match[str]) -> bool:
    if not looks_drawn(found[0]):
        return False
    before = found.string[max(0, found.start() - 200):found.start()]
    return not (re.search(_SAID_TO_BE, before) or re.search(_AS_PATH, before))


def _of_all_kinds(word: str) -> bool:
    return bool(re.search(r"[A-Z]", word) and re.search(r"[a-z]", word[3:]) and re.search(r"\d", word))


def _is_token(found: re.Match[str]) -> bool:
    """Letters of one case behind a prefix: drawn of the whole alphabet, as sums are not, and with digits all along."""
    drawn = found[1]
    beyond_hex = sum(letter in "ghijklmnopqrstuvwxyz" for letter in drawn.lower())
    return (beyond_hex >= 4 and sum(map(str.isdigit, drawn)) >= 3 and not re.match(_NO_PREFIX, found[0])
            and len(drawn) < 5 * len(re.findall(r"[A-Za-z]+|\d+", drawn)))
