"""The program that stands where an engine's image is there already: it copies the stored file to where it is asked for.

    stored_image.py FILE OUT        (with -version instead of OUT: what it is)
"""

import shutil
import sys

if __name__ == "__main__":
    stored, out = sys.argv[1:3]
    if out == "-version":
        print("a stored image")
    else:
        shutil.copyfile(stored, out)
