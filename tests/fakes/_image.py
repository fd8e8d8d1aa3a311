"""What the fake engines share: the image a good engine would write for their command line."""

import sys
from array import array


def option(name, count=1):
    """The values after the last option of that name."""
    at = len(sys.argv) - 1 - sys.argv[::-1].index(name)
    return sys.argv[at + 1] if count == 1 else sys.argv[at + 1:at + 1 + count]


def pixels(scale=1.0):
    """Float32 values of a lively image: no two neighbours alike, brightest pixel in the middle."""
    count = int(option("-detpixels_x")) * int(option("-detpixels_y"))
    values = [float(i * 7919 % 101 + 1) for i in range(count)]
    values[count // 2] = 1000.0
    return array("f", [scale * value for value in values])


def write(values, path=None):
    with open(path or option("-floatfile"), "wb") as stream:
        stream.write(values.tobytes())
