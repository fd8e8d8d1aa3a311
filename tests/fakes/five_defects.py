"""An engine that takes any command, with five defects, each at an option of its own."""
from _any_command import main


def defects(argv, values):
    if "-polar" in argv:
        values[:] = [1.3 * value for value in values]
    if "-round_xtal" in argv:
        values.reverse()
    if "-spindle_axis" in argv:
        values[0] += 500.0
    if "-detector_rotx" in argv:
        values[:] = [0.5 * value for value in values]
    return 3 if "-dmin" in argv else 0


main(defects)
