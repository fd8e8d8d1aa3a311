"""Command lines: which words belong together, which of several counts, and what an edit leaves alone."""

import random
from dataclasses import replace

import pytest

from nbcompare.case.arguments import command
from nbcompare.case.arguments.command import (
    Command,
    WrittenOption,
    declared_shape,
    is_number,
    number,
    parse_command,
    rendered_region,
    written,
)
from nbcompare.case.arguments.options import all_options, option_named, option_of
from nbcompare.case.from_text import thresholds_from
from nbcompare.compare.image import Roi, Shape, read_smv_numbers
from nbcompare.errors import FileError, UsageError


def items(text):
    return [(item.word, *item.values) for item in parse_command(text.split()).items]


@pytest.mark.parametrize(("text", "expected"), [
    ("-N 5 -phi 1", [("-N", "5"), ("-phi", "1")]),
    ("-interpolate -N 5", [("-interpolate",), ("-N", "5")]),
    ("-cell 1 2 3 4 5 6 7", [("-cell", "1", "2", "3", "4", "5", "6"), ("7",)]),
    ("-cell 1 2 3 -N 5", [("-cell", "1", "2", "3"), ("-N", "5")]),
    ("-cell 1 2", [("-cell", "1", "2")]), ("-cell", [("-cell",)]),
    ("-misset 1 2 3 -N 5", [("-misset", "1", "2", "3"), ("-N", "5")]),
    ("-misset random -N 5", [("-misset", "random"), ("-N", "5")]),
    ("-misset 1", [("-misset", "1")]), ("-misset", [("-misset",)]),
    ("-curved_det -N 5", [("-curved_det",), ("-N", "5")]), ("-curved_det 1 -N 5", [("-curved_det", "1"), ("-N", "5")]),
    ("-curved_det", [("-curved_det",)]), ("-interpolate 7 -N 5", [("-interpolate",), ("7",), ("-N", "5")]),
    ("-phi -1 -N -2", [("-phi", "-1"), ("-N", "-2")]), ("-N", [("-N",)]),
    ("-roi 1 2 3 4", [("-roi", "1", "2", "3", "4")]), ("stray -N 5 more", [("stray",), ("-N", "5"), ("more",)]),
    ("-nobody 7", [("-nobody",), ("7",)]), ("", [])])
def test_each_option_takes_its_values(text, expected):
    assert items(text) == expected
    assert parse_command(text.split()).argv == tuple(text.split())


def test_a_word_that_holds_the_name_of_an_option_is_that_option_as_in_c():
    assert option_of("--lambda").name == "-lambda" == option_of("-lambda0").name
    assert option_of("-misset_seed_x").name == "-misset_seed"
    assert option_of("lambda") is None and option_of("-nobody") is None and option_of("1") is None
    assert option_named("--lambda") is None and option_named("-wavelength").name == "-lambda"


COMMAND = parse_command("-N 5 -lambda 1 -wave 2 -nobody -matrix A.mat -hkl P1.hkl -dump d.bin -floatfile f".split())


def test_the_last_of_an_option_is_the_one_that_counts():
    assert COMMAND.find("-lambda").values == ("2",) and COMMAND.number("-lambda") == 2
    assert COMMAND.find("-N", "-lambda").word == "-wave"
    assert COMMAND.find("-phi") is None and COMMAND.number("-phi", 7) == 7 and COMMAND.number("-phi") == 0
    assert parse_command(["-N"]).number("-N", 3) == 3
    assert COMMAND.has("-lambda") and not COMMAND.has("-phi") and COMMAND.has("-phi", "-N")
    assert [item.word for item in COMMAND.known()] == ["-N", "-wave", "-matrix", "-hkl", "-dump", "-floatfile"]
    assert [item.name for item in COMMAND.items][2:5] == ["-lambda", "-nobody", "-mat"]


def test_where_options_stand_with_their_values():
    assert parse_command("stray -N 5 more -nobody 7 -1 -interpolate".split()).spans() == [(1, 4), (4, 7), (7, 8)]
    assert parse_command([]).spans() == []


def test_files_that_are_read_and_files_that_are_written():
    assert [item.word for item in COMMAND.reading()] == ["-matrix", "-hkl"]
    assert [item.word for item in COMMAND.writing()] == ["-dump", "-floatfile"]
    assert [item.word for item in COMMAND.without("-hkl").reading()] == ["-matrix", "-dump"]
    assert [item.word for item in COMMAND.without("-hkl").writing()] == ["-floatfile"]
    assert parse_command(["-mat"]).reading() == () == parse_command(["-floatfile"]).writing()
    renamed = COMMAND.reading_from({"A.mat": "B.mat", "5": "6", "d.bin": "e.bin"})
    assert renamed.argv == tuple(word.replace("A.mat", "B.mat") for word in COMMAND.argv)


def test_an_edit_changes_its_option_and_nothing_else():
    assert COMMAND.without("-lambda", "-N").argv == COMMAND.argv[6:]
    assert COMMAND.setting("-lambda", 1.5).argv == (*COMMAND.argv[:3], "1.5", "-wave", "1.5", *COMMAND.argv[6:])
    assert COMMAND.setting("-phi", 1, "x").argv == ("-phi", "1", "x", *COMMAND.argv)
    assert COMMAND.setting("-phi", 1).items[0].option.name == "-phi"
    assert COMMAND.changed("-N", lambda item: replace(item, values=("9",))).argv[:2] == ("-N", "9")
    assert COMMAND.replacing(lambda item: None if item.word == "-wave" else item).argv == (
        *COMMAND.argv[:4], *COMMAND.argv[6:])
    assert Command(()).starting("-N", "5").argv == ("-N", "5") == Command(()).ending("-N", "5").argv
    assert COMMAND.starting("-phi", "1").argv == ("-phi", "1", *COMMAND.argv)
    assert COMMAND.ending("-phi", "1").argv == (*COMMAND.argv, "-phi", "1")


def test_values_as_numbers_and_numbers_as_words():
    assert WrittenOption("-x", ("1e3", "no", "-2")).numbers == (1000, 0, -2)
    assert str(WrittenOption("-x", ("1", "2"))) == "-x 1 2" and WrittenOption("-x").tokens == ("-x",)
    assert [written(value) for value in (0.1, 1.0, 3, "x")] == ["0.1", "1.0", "3", "x"]
    assert is_number("-1e-3") and not is_number("1,5") and number("x") == 0 and number("2.5") == 2.5


# --- the image --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("args", "fast", "slow"), [
    ("-detpixels_x 1 -detpixels_y 1", 1, 1),
    ("-detsize_f 1.04 -detsize_s 1.06", 10, 11),  # 10.4 and 10.6 pixels of 0.1 mm, less a half, upwards
    ("-detsize_f 1.05 -detsize_s 0.06 -pixel 0.1", 10, 1),
    ("-detpixels_x 5.9 -detpixels_y 7", 5, 7)])
def test_a_size_is_rounded_to_whole_pixels(tmp_path, args, fast, slow):
    assert declared_shape(args.split(), tmp_path) == Shape(slow=slow, fast=fast)


@pytest.mark.parametrize(("args", "words"), [
    ("-pixel -0.1", "-pixel -0.1: a pixel size must be positive"), ("-pixel 0", "a pixel size must be positive"),
    ("-detpixels_x -5", "the arguments declare an image of -5 x 1024 pixels"),
    ("-detpixels_y -1", "the arguments declare an image of 1024 x -1 pixels"),
    ("-detsize_f 0.05", "the arguments declare an image of 0 x 1024 pixels"),
    ("-detpixels nan", "-detpixels needs a finite number, found nan"),
    ("-detsize", "-detsize needs a number, found nothing"),
    ("-detpixels five", "-detpixels needs a number, found 'five'")])
def test_an_image_that_cannot_be_is_refused(tmp_path, args, words):
    with pytest.raises(UsageError) as caught:
        declared_shape(args.split(), tmp_path)
    assert words in str(caught.value)


def header(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode().ljust(512))


def test_of_two_headers_that_of_img_wins_and_what_it_does_not_say_is_kept(tmp_path):
    header(tmp_path, "m", "{\nSIZE1=3;\nSIZE2=4;\nPIXEL_SIZE=0.5;\n}")
    header(tmp_path, "i", "{\nSIZE1=5;\n}\nSIZE2=99;\n")
    assert declared_shape("-img i -mask m".split(), tmp_path) == Shape(slow=4, fast=5)
    assert declared_shape("-mask m -detsize_s 5 -detpixels_y 0".split(), tmp_path) == Shape(slow=10, fast=3)
    assert declared_shape("-img".split(), tmp_path) == Shape(1024, 1024)


def test_only_numbers_of_the_first_512_bytes_are_read(tmp_path):
    header(tmp_path, "a", "{\n A = 1 ;\nB=x;\nC\n")
    with open(tmp_path / "a", "ab") as stream:
        stream.write(b"\nD=4;\n")
    assert read_smv_numbers(tmp_path / "a") == {"A": 1}
    with pytest.raises(FileError, match="cannot read the image header: No such file or directory"):
        read_smv_numbers(tmp_path / "b")


SHAPE = Shape(slow=7, fast=10)


@pytest.mark.parametrize(("args", "bounds"), [
    ("", (0, 9, 0, 6)), ("-roi 1 2 3 4", (1, 2, 3, 4)), ("-roi 0 0 0 0", (0, 0, 0, 0)),
    ("-roi -1 8 -1 5", (0, 8, 0, 5)), ("-roi 3 -1 2 -1", (3, 9, 2, 6)), ("-roi 9 9 6 6", (9, 9, 6, 6)),
    ("-roi 1 2 3 4 -roi 5 6 5 6", (5, 6, 5, 6))])
def test_the_rendered_region(args, bounds):
    assert rendered_region(args.split(), SHAPE) == Roi("rendered", *bounds)


@pytest.mark.parametrize("args", ["-roi 1 2 3", "-roi 1 2 3 x", "-roi 1 2 3 4.5"])
def test_a_region_that_is_not_four_whole_numbers_is_refused(args):
    with pytest.raises(UsageError, match="-roi needs four whole numbers, found 1 2 3"):
        rendered_region(args.split(), SHAPE)


@pytest.mark.parametrize(("bounds", "words"), [
    ((0, 9, 0, 6), None), ((9, 9, 6, 6), None), ((-1, 9, 0, 6), "x (fast) bounds -1..9 are negative"),
    ((0, -1, 0, 6), "x (fast) bounds 0..-1 are negative"), ((0, 9, -1, 6), "y (slow) bounds -1..6 are negative"),
    ((5, 4, 0, 6), "x (fast) bounds 5..4 are inverted"), ((0, 10, 0, 6), "bounds 0..10 overhang the image, whose last "
                                                                         "pixel is 9"),
    ((0, 9, 0, 7), "y (slow) bounds 0..7 overhang the image, whose last pixel is 6")])
def test_a_region_lies_within_the_image(bounds, words):
    fault = Roi("r", *bounds).fault_in(SHAPE)
    assert fault is None if words is None else words in fault


# --- thresholds on a command line -------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "low", "high"), [("rmse=1..2", 1, 2), ("rmse=1..1", 1, 1), ("rmse=..2", None, 2),
                                                   ("rmse=-1e-3..", -0.001, None)])
def test_a_threshold_is_a_metric_with_one_limit_or_both(text, low, high):
    found = thresholds_from([text], ["full", "part"])
    assert [(t.metric, t.roi, t.min, t.max) for t in found] == [
             ("rmse", "full", low, high), ("rmse", "part", low, high)]
    chosen = thresholds_from(["share_outside(atol=1, rtol=0)=..0.5"], ["full"])
    assert (chosen[0].metric, chosen[0].max) == ("share_outside(atol=1, rtol=0)", 0.5)


@pytest.mark.parametrize(("text", "words"), [
    ("rmse", "must read METRIC=MIN..MAX"), ("rmse=1", "must read"), ("rmse=..", "must read"),
    ("=1..2", "unknown metric"),
    ("1..2", "must read"), ("rms=1..2", "unknown metric 'rms'; did you mean 'rmse'?"),
    ("rmse=x..2", "'x' is no finite"),
    ("rmse=1..inf", "'inf' is no finite number"), ("rmse=nan..", "'nan' is no finite"),
    ("rmse=2..1", "2 is above 1: nothing could hold")])
def test_a_threshold_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(UsageError) as caught:
        thresholds_from([text], ["full"])
    assert words in str(caught.value)


def test_a_command_is_read_alike_whatever_was_read_before_it(monkeypatch):
    """The cells of a matrix are read on from where they differ from the one before: how far an option goes may depend
    on the word behind it. Five thousand commands, each with the beginning of the last one; more than half of all words
    were not read again."""
    draw = random.Random(1)
    words = [*(name for option in all_options() for name in option.names), *("1", "-5", "x", "rand", "1e3", "-cell",
                                                                            "-misset", "random", "90") * 40]
    last, begun = (), []
    real = command._read_before
    monkeypatch.setattr(command, "_read_before", lambda argv: (begun.append(real(argv)), begun[-1])[1])
    for _ in range(5000):
        last = (*last[:draw.randrange(len(last) + 1)], *draw.choices(words, k=draw.randrange(5)))[:30]
        read = command._parsed.__wrapped__(last)
        command._READ[0] = (), []
        assert read == command._parsed.__wrapped__(last)
        assert [word for item in read.items for word in item.tokens] == list(last)
    assert sum(at for _, at in begun[::2]) > 5000 and not any(at for _, at in begun[1::2])
