"""An engine that gives an input file back as its image."""
from pathlib import Path

from _image import option

Path(option("-floatfile")).write_bytes(Path("picture.dat").read_bytes())
