"""Image files of any format, read as they are and never guessed at."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.formats.declared import Declared, ImageFile
    from nbcompare.formats.read import read_image
else:
    __getattr__ = door(__name__, {"declared": "Declared ImageFile", "read": "read_image"})

__all__ = ["Declared", "ImageFile", "read_image"]
