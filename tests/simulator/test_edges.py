"""Where each limit stands: the last value that is taken and the first that is refused, which both programs take and
refuse alike. What must be said is looked for in the line of the C reference, and of both where the words are shared."""

SHARED = {
    "-cell -phi 1": "1 to 6 values expected",
    "-roi 31 31 31 31": None, "-roi 32 40 0 3": "nothing between x = 32 and 40", "-roi 0 3 32 40": "y = 32 and 40",
    "-roi 5 4 0 3": "nothing between x = 5 and 4", "-roi 5 5 4 3": "nothing between y = 4 and 3",
    "-trace_pixel 31 31": None, "-trace_pixel 0 0": None, "-trace_pixel 32 0": "-trace_pixel: 32 0 is not on",
    "-trace_pixel 0 32": "-trace_pixel: 0 32", "-trace_pixel -1 0": "-trace_pixel: -1 0",
    "-trace_pixel 0 -1": "-trace_pixel: 0 -1",
    "-describe_pixel 31 31": None, "-describe_pixel 0 0": None, "-describe_pixel 32 0": "-describe_pixel: 32 0",
    "-describe_pixel 0 32": "-describe_pixel: 0 32", "-describe_pixel -1 0": "-describe_pixel: -1 0",
    "-describe_pixel 0 -1": "-describe_pixel: 0 -1",
    "-phisteps 3 -describe_phistep 2": None, "-phisteps 3 -describe_phistep 3": "no step 3 among 3",
    "-describe_phistep 0": None, "-describe_phistep -1": "no step -1",
    "-detpixels 0 -detsize 0.1": None, "-detpixels 0 -detsize 0.04": "detector size along",
    "-detpixels_x -5": "cannot be negative (-5 x 32)", "-detpixels_y -5": "cannot be negative (32 x -5)",
    "-detector_thick 0": None, "-water 0": None,
    "-hdivrange 1 -hdivstep 1 -vdivrange 1 -vdivstep 1": "rounding leaves no source; use -square_div",
    "-hdivrange 1 -hdivstep 1 -vdivrange 1 -vdivstep 1 -square_div": None,
    "-curved_det": None, "-xds -beam_vector 1 0 0 -fdet_vector 1 0 0": None,
    "-hdivrange 1 -vdivrange 1 -hdivsteps 46341 -vdivsteps 46341 -force": "sources are too many",
    "-dispersion 200 -dispsteps 2": "-dispersion: a wavelength of", "-dispersion 199 -dispsteps 2": None,
    "-phisteps 100000 -mosaic 1 -mosaic_domains 100000": "-phisteps: ",
    "-detpixels 50000 -roi 0 0 0 0 -phisteps 10": "-detpixels: ",
    "-hkl .": "s a directory", "-mat .": "s a directory", "-allow everything": "-allow: comments, columns or",
}
"""Options that are described, after BASE, and what both say; None: both take them."""

MASK = "{{\nHEADER_BYTES=512;\nSIZE1={};\nSIZE2={};\nTYPE={};\n}}"


def mask(fast=32, slow=32, kind="unsigned_short", size=2048):
    return MASK.format(fast, slow, kind).encode().ljust(512) + bytes(size)


def dump(limits, count=1):
    return f"{limits}\n\f".encode() + bytes(8 * count)


OF_FILES = [
    ("-hkl", b"1000000 -1000000 0 1\n", None), ("-hkl", b"1000001 0 0 1\n", "index '1000001' is out of all range"),
    ("-hkl", b"0 -1000001 0 1\n", "index '-1000001' is out of all range"),
    ("-hkl", b"0 0 0 1\n645 645 645 1\n", "too large to hold"),
    ("-hkl", b"1 2 3 4 5\n", "5 fields found starting '1' (-allow columns takes the first four)"),
    ("-hkl", b"1 2 3\n", "3 fields found starting '1'\n"),
    ("-allow columns -hkl", b"1 2 3 4 5\n", None), ("-allow comments -hkl", b"# x\n", "no structure factors found"),
    ("-hkl", b"\x1f\x8bab\n", "packed with gzip"), ("-hkl", b"0 0 0 1\r0 0 1 2\r", "CR alone"),
    ("-hkl", b"0 0 0 1\r\n", None),
    ("-dump", dump("0 0 0 0 0 0", 8), None), ("-dump", dump("0 0 0 0 0", 8), "six limits of h, k and l expected"),
    ("-dump", dump("1000000 1000000 0 0 0 0"), "64 bytes of structure factors expected, 8 found"),
    ("-dump", dump("1000001 1000001 0 0 0 0", 8), "index 1000001 is out of all range"),
    ("-dump", dump("0 0 -1000001 -1000001 0 0", 8), "index -1000001 is out of all range"),
    ("-dump", dump("0 0 -1000000 -1000000 0 0"), "64 bytes of structure factors expected, 8 found"),
    ("-dump", dump(" " * 110 + "0 0 0 0 0 0", 8), None),
    ("-dump", dump(" " * 130 + "0 0 0 0 0 0", 8), "is no dump"),
    *(("-dump", dump(limits, 8), "wrong way round") for limits in ("1 0 0 0 0 0", "0 0 1 0 0 0", "0 0 0 0 1 0")),
    ("-sourcefile", b"-10 0 0 1 1e-10\n", None), 
    ("-sourcefile", b"-10 0 0 1 1e-10 7\n", "starting '-10' (-allow columns takes the first five)"),
    ("-sourcefile", b"-10 0\n", "2 fields found starting '-10'\n"),
    ("-allow columns -sourcefile", b"-10 0 0 1 1e-10 7\n", None), ("-sourcefile", b"-10 0 0 0\n-10 0 0 1\n", None),
    ("-allow comments -sourcefile", b"# x\n", "no sources found"),
    ("-allow comments -stol", b"# x\n", "no numbers found"),
    ("-stol", b"0 1\n", None), ("-stol", b"x 1\n", "'x' is not a number"), ("-stol", b"0 x\n", "'x' is not a number"),
    ("-mask", mask(), None), ("-mask", mask(size=2047), "need 2048 bytes, 2047 found"),
    ("-mask", mask(31), "a mask of 31 x 32"), ("-mask", mask(32, 31), "a mask of 32 x 31"),
    ("-mask", mask(33, 33, size=4096), None), ("-mask", mask(32, 32, "float", 4096), "pixels of type 'float'"),
    ("-img", mask(-1), "-1 is not a number of pixels"), ("-img", mask("1e9"), "1e+09 is not a number of pixels"),
    ("-img", mask(32.5), "32.5 is not a number of pixels"), ("-img", mask(0), None),
    ("-img", b"{\nHEADER_BYTES=512;\n}".ljust(511), "511 bytes are too few"),
    ("-img", b"{\nHEADER_BYTES=511;\n}".ljust(512), "HEADER_BYTES"),
    ("-img", b"{\nHEADER_BYTES=512;\n}".ljust(512), None),
]


def alike(reference, simulated, options, words, *, shared):
    said, also = reference(f"{options} -describe"), simulated(f"{options} -describe")
    assert (said.status, also.status) == ((0, 0) if words is None else (2, 2)), (options, said.stderr, also.stderr)
    assert words is None or said.stderr.count("\n") == also.stderr.count("\n") == 1, options
    assert words is None or (words in said.stderr and (words in also.stderr or not shared)), (options, said, also)


def test_options_are_taken_to_the_same_edge(reference, simulated):
    for options, words in SHARED.items():
        alike(reference, simulated, options, words, shared=True)


def test_files_are_taken_to_the_same_edge(reference, simulated, tmp_path):
    """Their places are written otherwise by either program, as `f line 1` and `f:1`."""
    for option, content, words in OF_FILES:
        (tmp_path / "f").write_bytes(content)
        alike(reference, simulated, f"{option} f", words, shared=False)


def test_pixels_that_no_float_holds_are_refused(reference, simulated):
    for run in (reference, simulated):
        said = run("-fluence 1e300 -roi 0 0 0 0")
        assert said.status == 2 and "not finite float32 numbers" in said.stderr and not list(said.folder.iterdir())


def test_a_dark_pixel_is_dark_whatever_the_f_beside_it(reference, simulated, tmp_path):
    """The square of F is beyond float64, and no spot reaches a pixel: 0, as nanoBragg passes such terms over."""
    (tmp_path / "huge.hkl").write_text("0 0 0 1e200\n1 1 1 1e200\n-1 -1 -1 1e200\n")
    for options in ("-hkl huge.hkl -default_F 0", "-default_F 1e200"):
        options += " -tophat_spots -N 50 -roi 19 20 18 19"
        for done in (reference(options), simulated(f"{options} -render plain")):
            assert done.status == 0 and not done.image().any(), done.stderr
