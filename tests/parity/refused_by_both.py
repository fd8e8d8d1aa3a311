"""What both simulators say of a command line that cannot be rendered, or of which they drop something."""

# Options after BASE, and what the line must name.
COMMAND_LINES = [
    ("-lamda 1", "'-lamda'; did you mean '-lambda'"),
    ("--lambda 1", "unknown option '--lambda'"),
    ("7", "unexpected value '7'"),
    ("-distance", "-distance: 1 value expected, 0 given"),
    ("-roi 1 2 3", "-roi: 4 values expected, 3 given"),
    ("-distance far", "-distance: 'far' is not a number"),
    ("-distance nan", "-distance: 'nan' is not a number"),
    ("-N 2.9", "-N: '2.9' is not an integer"),
    ("-N 1e3", "-N: '1e3' is not an integer"),
    ("-pivot middle", "-pivot: 'beam' or 'sample' expected"),
    ("-distance 0", "-distance"),
    ("-pixel -0.1", "-pixel"),
    ("-pixel 0", "-pixel"),
    ("-detpixels -5", "-detpixels"),
    ("-detpixels 2000000000", "-detpixels"),
    ("-lambda 0", "-lambda"),
    ("-lambda -1", "-lambda"),
    ("-energy 0", "-energy: '0' is not a usable value"),
    ("-cell 50 50 50 120 120 120", "-cell: no cell has the angles 120 120 120"),
    ("-roi 10 5 0 3", "-roi: nothing between x = 10 and 5"),
    ("-roi 40 50 0 3", "-roi: nothing between x = 40 and 50"),
    ("-detector_thick -5", "-detector_thick"),
    ("-water -5", "-water"),
    ("-twotheta_axis 0 0 0", "-twotheta_axis: the vector has no length"),
    ("-beam_vector 0 0 0", "-beam_vector: the vector has no length"),
    ("-fdet_vector 1 0 0 -sdet_vector 1 0 0 -odet_vector 2 0 0", "parallel"),
    ("-flux 1e18 -beamsize 0", "-beamsize"),
    ("-default_F 0", "no structure factors"),
    ("-xds -beam_vector 1 0 0 -fdet_vector 1 0 0 -curved_det", "-curved_det"),
    ("-trace_pixel 32 0", "-trace_pixel"),
    ("-osc 1e9 -phistep 1e-9", "-phistep"),
    ("-floatfile same.bin -intfile same.bin", "same.bin: two outputs have this name"),
    ("-floatfile missing/folder.bin", "missing/folder.bin: cannot be written"),
    ("-pgmfile missing/folder.pgm", "missing/folder.pgm: cannot be written"),
]

# What is given and has no effect, and what the warning must name.
DROPPED = [
    ("-roi 0 99 0 3", "-roi"),
    ("-pix0_vector 1 2 3", "-pix0_vector"),
    ("-pivot sample", "-pivot"),
    ("-xds -Xbeam 1", "-Xbeam"),
    ("-ORGX 3", "-ORGX"),
    ("-odet_vector 2 0 0", "-odet_vector"),
    ("-xtalsize 0.2", "clipping"),
]


def check_refused(run, words, program):
    """One line on stderr, which names the program and what is wrong."""
    assert run.status == 2
    assert run.stderr.count("\n") == 1, run.stderr
    assert run.stderr.startswith(f"{program}: error: ")
    assert words in run.stderr


def check_dropped(run, words, program):
    """An image, and warnings alone; one of them names what was dropped."""
    assert run.status == 0
    lines = run.stderr.splitlines()
    assert all(line.startswith(f"{program}: warning: ") for line in lines)
    assert any(words in line for line in lines)
