"""An engine that makes a folder where its image should be, and leaves a file there."""
from pathlib import Path

from _image import option

Path(option("-floatfile")).mkdir()
Path(option("-floatfile"), "inside.txt").write_text("lost?\n")
