"""An engine whose own image is good, and which also does what its -reach says to the bundle being made."""
import os
import sys
import time
from pathlib import Path

from _image import option, pixels, write

HOME = Path("..")


def change_later(home, milliseconds):
    """Leave a process behind, in a session of its own, that waits until the image is kept, and a while, and then
    changes it."""
    has_left, left = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.write(left, b"x")
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        image = Path("inputs/py_roi_float.bin")
        published = home.with_name(home.name.replace(".staging-", ""))
        until = time.time() + 10
        while not (home / image).exists() and not published.exists() and time.time() < until:
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        for folder in (home, published):
            if (folder / image).exists():
                (folder / image).chmod(0o644)
                write(pixels(3.0), folder / image)
        os._exit(0)
    os.read(has_left, 1)


def log_of(what):
    """The log of the subject, or the reference's own."""
    return HOME / f"inputs/{'c' if what.endswith('-own') else 'py'}_cli_stdout.txt"


def reach(what):
    """Touch something that is not this engine's."""
    if what == "other-image":
        write(pixels(2.0), HOME / "inputs/c_roi_float.bin")
    elif what == "input":
        (HOME / "inputs/data/A.mat").write_text("other\n")
    elif what == "other-folder":
        (HOME / "scratch-py").mkdir()
        write(pixels(), HOME / "scratch-py/float.bin")
    elif what.startswith("delete"):
        log_of(what).unlink()
    elif what.startswith("file-to-folder"):
        log_of(what).unlink()
        log_of(what).mkdir()
        (log_of(what) / "within").write_text("x")
    elif what == "folder-to-link":
        (HOME / "inputs/data/A.mat").unlink()
        (HOME / "inputs/data").rmdir()
        os.symlink("/etc", HOME / "inputs/data")
    elif what == "published":
        for path in HOME.glob("../2*Z/inputs/env.txt"):
            path.chmod(0o644)
            path.write_text("other\n")
    elif what == "later":
        change_later(HOME.resolve(), float(option("-delay")))
    elif what == "link":
        os.symlink("/etc/hostname", HOME / "inputs/link")
    else:
        raise SystemExit(f"no such reach: {what}")


if "-version" not in sys.argv:
    write(pixels(2.0 if "-double" in sys.argv else 1.0))
    reach(option("-reach"))
