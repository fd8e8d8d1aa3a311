"""Golden images of people's own tests: NAME.npy in the folder golden beside the test, written only as a visible act."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def golden_path(folder: Path, name: object) -> Path:
    """Where the golden image of that name lies. Raises UsageError for a name that is no plain file name."""
    from nbcompare.case.parts import NAME
    from nbcompare.errors import UsageError

    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(f"the name of a golden image is letters, digits, '.', '_' and '-', found {name!r}")
    return folder / "golden" / f"{name}.npy"


def read_golden(path: Path, begun: float) -> np.ndarray:
    """The golden image, as it was before the session was ``begun`` (a time of the system's clock).

    Raises FileError for one that is missing, cannot be read as one whole array, or was written since: what a test makes
    and is then held against shows nothing.
    """
    from nbcompare.errors import FileError
    from nbcompare.formats.declared import Declared
    from nbcompare.formats.numpy_files import read_numpy

    if not path.is_file():
        raise FileError(f"there is no golden image {path}; --nb-update-reference writes it")
    try:
        changed = path.stat().st_ctime  # no program can set that back
        found = read_numpy(path, Declared()).pixels
    except (FileError, OSError) as fault:
        raise FileError(f"cannot read the golden image: {fault}") from None
    if changed > begun:
        raise FileError(f"{path} was written while these tests ran, so it is no golden image; --nb-update-reference "
                        "writes one, in a session of its own")
    return found


def write_golden(path: Path, image: object) -> str:
    """Write it, whole or not at all, and what the test then fails with. Raises UsageError for what is no image to judge
    by, FileError where it cannot be written."""
    import numpy as np

    from nbcompare.errors import FileError, UsageError
    from nbcompare.files import write_whole
    from nbcompare.run.given_arrays import one_image

    found = one_image(image, "image")
    if not np.isfinite(found).all() or found.min() == found.max():
        raise UsageError("this image is constant or not finite, and no golden image: nothing can be judged by it")
    stream = io.BytesIO()
    np.save(stream, found, allow_pickle=False)
    target = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(exist_ok=True)
        if target.exists() and not target.stat().st_mode & 0o222:
            raise FileError(f"{path} is read-only, so somebody means to keep it; --nb-update-reference leaves it")
    except OSError as fault:
        raise FileError(f"{path}: cannot write the golden image: {fault.strerror}") from None
    write_whole(target, stream.getvalue())
    return (f"{path} was written anew, as --nb-update-reference asks; look at it, commit it with where it comes from, "
            "and run the test again without the option")
