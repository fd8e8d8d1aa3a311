"""An engine whose own image is good, and which also does what its -reach says to the bundle being made."""
import os
import sys
from pathlib import Path

from _image import option, pixels, write

HOME = Path("..")


def reach(what):
    """Touch something that is not this engine's."""
    if what == "other-image":
        write(pixels(2.0), HOME / "inputs/c_roi_float.bin")
    elif what == "input":
        (HOME / "inputs/data/A.mat").write_text("other\n")
    elif what == "other-folder":
        (HOME / "scratch-py").mkdir()
        write(pixels(), HOME / "scratch-py/float.bin")
    elif what == "delete":
        (HOME / "inputs/c_cli_stdout.txt").unlink()
    elif what == "file-to-folder":
        (HOME / "inputs/c_cli_stdout.txt").unlink()
        (HOME / "inputs/c_cli_stdout.txt").mkdir()
        (HOME / "inputs/c_cli_stdout.txt/within").write_text("x")
    elif what == "folder-to-link":
        (HOME / "inputs/data/A.mat").unlink()
        (HOME / "inputs/data").rmdir()
        os.symlink("/etc", HOME / "inputs/data")
    elif what == "link":
        os.symlink("/etc/hostname", HOME / "inputs/link")
    else:
        raise SystemExit(f"no such reach: {what}")


if "-version" not in sys.argv:
    write(pixels(2.0 if "-double" in sys.argv else 1.0))
    reach(option("-reach"))
