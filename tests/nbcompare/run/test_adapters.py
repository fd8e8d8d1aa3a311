"""Engines that speak another language than nanoBragg's: declared, translated, read, recorded, and told where they lose
something. The programs are written for the test, outside of this checkout, as a user's would be.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from nbcompare.cli import run
from tests.nbcompare.conftest import write_plain_pictures

NUMPY_DIFFUSION = '''
"""Steps of diffusion on a square, in numpy: another program than the one in torch."""
import argparse
import numpy as np

asked = argparse.ArgumentParser()
for name, kind in (("--steps", int), ("--width", int), ("--rate", float), ("--out", str)):
    asked.add_argument(name, type=kind)
asked.add_argument("-version", action="version", version="diffusion in numpy 1")
asked = asked.parse_args()
field = np.zeros((asked.width, asked.width))
field[asked.width // 2, asked.width // 3] = 1000
for _ in range(asked.steps):
    around = sum(np.roll(field, shift, axis) for shift in (1, -1) for axis in (0, 1))
    field = field + asked.rate * (around - 4 * field)
np.save(asked.out, field)
'''

TORCH_DIFFUSION = '''
"""The same in torch, by convolution; it reads a file of settings and writes HDF5."""
import configparser, sys
if "-version" in sys.argv:
    sys.exit(print("diffusion in torch 1"))
import h5py, torch

said = configparser.ConfigParser()
said.read("diffusion.ini")
steps, size = said.getint("run", "steps"), said.getint("run", "size")
rate = said.getfloat("run", "rate_per_1000") / 1000
field = torch.zeros((1, 1, size, size), dtype=torch.float64)
field[0, 0, size // 2, size // 3] = 1000
kernel = torch.tensor([[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]]], dtype=torch.float64)
for _ in range(steps):
    padded = torch.nn.functional.pad(field, (1, 1, 1, 1), mode="circular")
    field = field + rate * torch.nn.functional.conv2d(padded, kernel)
with h5py.File("field.h5", "w") as file:
    file["result/field"] = field[0, 0].numpy().T
'''

PROJECT = """
engines:
  reference:
    command: numpy_diffusion.py
    arguments: {-steps: --steps, -size: --width, -rate: --rate, -floatfile: --out, -seed: {drop: it draws no numbers}}
    output: {file: field.npy, format: numpy, dtype: <f8}
  subject:
    command: torch_diffusion.py
    arguments:
      -steps: {config: STEPS}
      -size: {config: SIZE}
      -rate: {config: RATE, scale: 1000}
      -seed: {drop: it draws no numbers}
    config: {file: diffusion.ini, template: template.ini}
    output: {file: field.h5, format: hdf5, dataset: /result/field, axes: fast-slow}
"""

CASE = """
name: diffusion
title: a drop that spreads
options: own
command: -steps 20 -size 24 -rate 0.1 -seed 7
image: {fast: 24, slow: 24}
rois: {full: full}
thresholds:
  - {metric: correlation, min: 0.9995, why: one equation}
  - {metric: share_outside, max: 0, atol: 1.0e-12, rtol: 1.0e-12, why: double precision in both}
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture(scope="module")
def diffused(tmp_path_factory):
    """A project of two such programs, whose case was run once."""
    home = tmp_path_factory.mktemp("diffusion")
    write(home, numpy_diffusion__py=NUMPY_DIFFUSION, torch_diffusion__py=TORCH_DIFFUSION, case__yaml=CASE,
          template__ini="[run]\nsteps = {STEPS}\nsize = {SIZE}\nrate_per_1000 = {RATE}\n",
          phases__yaml="title: t\nphases:\n  - name: p\n    title: t\n    cases: [case.yaml]\n"
                       "    requires: {verdict: [PASS], engines_unchanged: true}\n")
    (home / "nb-compare.yaml").write_text(PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NB_C_BIN", "NB_PY_BIN"):
            patch.delenv(name, raising=False)
        patch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
        patch.setattr("nbcompare.compare.pictures.draw_all", write_plain_pictures)
        assert run(["run", str(home / "case.yaml"), "--bundles", str(home / "bundles"), "-q"]) == 0
    return home


@pytest.fixture
def diffusion(diffused, nb, monkeypatch):
    """The project, to stand in; what a test changes of its declaration is put back."""
    monkeypatch.chdir(diffused)
    yield diffused
    (diffused / "nb-compare.yaml").write_text(PROJECT)
    (diffused / "case.yaml").write_text(CASE)


def the_bundle(home: Path) -> Path:
    return next((home / "bundles/diffusion").iterdir())


def test_two_programs_that_have_nothing_to_do_with_nanobragg(nb, diffusion):
    """In double precision, one .npy and one transposed HDF5 dataset: compared as float64, kept as float64, and the
    bundle is whole: every figure follows from what is kept. The dropped option is told wherever it matters."""
    bundle = the_bundle(diffusion)
    record = json.loads((bundle / "record.json").read_text())
    assert [run["dtype"] for run in record["runs"]] == ["<f8", "<f8"]
    reference, subject = (np.fromfile(bundle / f"inputs/{key}_roi_float.bin", "<f8").reshape(24, 24)
                          for key in ("c", "py"))
    assert reference.sum() == pytest.approx(1000) and np.allclose(reference, subject, rtol=1e-12)
    assert reference.argmax() == 12 * 24 + 8, "the drop lies at slow 12, fast 8 in both"
    commands = (bundle / "inputs/commands.txt").read_text()
    assert "-rate 0.1 as RATE = 100 in diffusion.ini" in commands and "rate_per_1000 = 100" in commands
    assert commands.count("NOT GIVEN: -seed 7 (it draws no numbers)") == 2
    assert [note for note in record["notes"] if "was not given -seed 7" in note]
    verified = nb("verify", bundle)
    assert verified.code == 0, verified.out


def test_the_commands_of_a_bundle_run_again_by_hand(nb, diffusion):
    bundle = the_bundle(diffusion)
    record = json.loads((bundle / "record.json").read_text())
    block = next(line for line in (bundle / "inputs/commands.txt").read_text().splitlines()
                 if line.startswith("(") and "numpy_diffusion.py" in line)
    printed = os.popen(f"cd {bundle} && {block}").read()
    assert printed.split()[0] == record["runs"][0]["file_sha256"]


def test_the_gate_sees_the_adapter_and_what_it_drops(nb, diffusion):
    said = nb("gate", "p", "--phases", "phases.yaml")
    assert said.code == 0 and "NOT GIVEN to the subject: -seed 7" in said.out, said.out
    (diffusion / "nb-compare.yaml").write_text(PROJECT.replace("scale: 1000", "scale: 1000.5"))
    said = nb("gate", "p", "--phases", "phases.yaml")
    assert said.code != 0 and "what stands between the case and the subject" in said.out, said.out


def test_an_option_without_a_rule_is_refused_before_anything_runs(nb, diffusion):
    (diffusion / "case.yaml").write_text(CASE.replace("-seed 7", "-speed 7"))
    said = nb("run", "case.yaml", "-q")
    assert said.code == 1 and "no rule says what becomes of -speed 7" in said.err
    assert "-speed: {to: WORD} or {drop: WHY}" in said.err
    said = nb("sweep", "case.yaml", "-q")
    assert said.code == 1 and "  why   the reference" in said.out, "the table has no room for what is to be done"
    assert "-speed: {to: WORD} or {drop: WHY}" in said.out.partition("  why   ")[2]


# --- a port of nanoBragg with other names, other units, and CBF --------------------------------------------

PORT = '''
"""A port with flags of its own, that writes CBF; gaps are -1."""
import sys
import fabio, numpy as np

if "-version" in sys.argv:
    sys.exit(print("port 1"))
at = {word: sys.argv[n + 1] for n, word in enumerate(sys.argv[:-1]) if word.startswith("--")}
assert at["--flux-per-us"] == "1000000000000", at
width, height = (int(part) for part in at["--size"].split("x"))
values = np.array([i * 7919 % 101 + 1 for i in range(width * height)])
values[values.size // 2] = 1000
image = values.reshape(height, width).astype("i4")
image[:, 2] = GAP
fabio.cbfimage.CbfImage(data=image).write(at["--image"])
'''

PORT_CASE = """
name: small
title: a 9 x 7 image of a port with flags of its own
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18 -mosflm
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: correlation, min: 0.9995, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
  - {metric: mask_mismatch, max: 0.12, why: the port renders the gap of its detector}
engines:
  subject:
    command: port.py
    arguments:
      -detpixels_x: {to: [--size, "{1}x7"]}
      -detpixels_y: {drop: "it is in --size"}
      -flux: {to: --flux-per-us, scale: 1.0e-6}
      -mosflm: {drop: the port knows this convention alone}
      -floatfile: --image
    output: {file: image.cbf, format: fabio, dtype: <i4}
"""


@pytest.fixture
def port(tmp_path, quick_runs):
    (tmp_path / "port.py").write_text(PORT.replace("GAP", "-1"))
    (tmp_path / "port.yaml").write_text(PORT_CASE)
    return tmp_path


def test_a_port_with_other_flags_and_units_that_writes_cbf(nb, port, fake):
    """Its integers stay integers, its gaps take part in no figure, and both are in the bundle, which is whole."""
    said = nb("run", "port.yaml", "--c-bin", fake("good"), "-q", "--format", "json")
    assert said.code == 0, said.out + said.err
    bundle = Path(said.json["bundle"])
    run = json.loads((bundle / "record.json").read_text())["runs"][1]
    assert run["dtype"] == "<i4" and run["argv"][-6:] == ["--size", "9x7", "--flux-per-us",
                                                          "1000000000000", "--image", "image.cbf"]
    mask = np.fromfile(bundle / "inputs/py_mask.bin", "u1").reshape(7, 9)
    assert mask[:, 2].all() and mask.sum() == 7
    figures = {figure["metric"]: figure["value"] for figure in
               json.loads((bundle / "record.json").read_text())["comparison"]["regions"][0]["figures"]}
    assert figures["masked_fraction"] == pytest.approx(1 / 9) == figures["mask_mismatch"]
    assert nb("verify", bundle).code == 0
    assert nb("report", bundle).code == 0
    (port / "port.yaml").write_text("".join(line for line in PORT_CASE.splitlines(keepends=True)
                                            if "mask_mismatch" not in line))
    unsaid = nb("run", "port.yaml", "--c-bin", fake("good"), "-q")
    assert unsaid.code == 8 and "7 of 63 pixels are masked in the subject alone" in unsaid.out
    (bundle / "inputs/py_mask.bin").chmod(0o644)
    (bundle / "inputs/py_mask.bin").write_bytes(bytes(63))
    assert nb("verify", bundle).code == 6


@pytest.mark.parametrize(("change", "kind", "words"), [
    (("fabio.cbfimage.CbfImage(data=image).write", "(lambda name: None)"), "no-image", "wrote no image.cbf"),
    (('at["--image"])', '"other.cbf")'), "no-image", "wrote no image.cbf; it wrote other.cbf"),
    (('astype("i4")', 'astype("i4")[:-1]'), "other-shape", "its arguments declare 9 x 7 pixels"),
    (('astype("i4")', 'astype("i4").T'), "other-shape", "exchanged, which output: {axes: fast-slow} is for"),
    (('fabio.cbfimage.CbfImage(data=image).write(at["--image"])', 'open(at["--image"], "w").write("no image")'),
     "unreadable-image", "cannot be read as a detector image"),
    (('at["--image"])', '"old.cbf")\nimport os; os.symlink("old.cbf", at["--image"])'), "not-a-file", "no ordinary"),
    (('at["--image"])', 'at["--image"])\nimport os; os.utime(at["--image"], (1, 1))'), "stale-image", "older than"),
])
def test_an_output_that_is_not_what_was_declared_fails_the_engine(nb, port, fake, change, kind, words):
    (port / "port.py").write_text((port / "port.py").read_text().replace(*change))
    said = nb("run", "port.yaml", "--c-bin", fake("good"), "-q", "--format", "json")
    assert said.code == 2, said.out
    failure = json.loads((Path(said.json["bundle"]) / "record.json").read_text())["runs"][1]["failure"]
    assert failure["kind"] == kind and words in failure["sentence"]
    assert nb("verify", said.json["bundle"]).code == 0


def test_an_hdf5_output_whose_pixels_lie_in_an_older_file_is_not_read(nb, tmp_path, quick_runs, fake):
    """By an external link, as a port might leave one to yesterday's result."""
    import h5py

    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["data"] = np.arange(63, dtype="f4").reshape(7, 9)
    (tmp_path / "port.py").write_text(
        f"import h5py, sys\nif '-version' not in sys.argv:\n    h5py.File('image.h5', 'w')['data'] = "
        f"h5py.ExternalLink('{tmp_path}/old.h5', 'data')\n")
    (tmp_path / "port.yaml").write_text(PORT_CASE.partition("    arguments:")[0]
                                        + "    output: {file: image.h5, format: hdf5, dataset: data}\n")
    said = nb("run", "port.yaml", "--c-bin", fake("good"), "-q")
    assert said.code == 2 and "lies in another file" in said.out + said.err


# --- declarations -----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("old", "new", "words"), [
    ("      -floatfile: --image\n", "      -x: --x\n    cwd: .\n", "has to be told where to write"),
    ("image.cbf, format", "../image.cbf, format", "must be a plain name"),
    ("format: fabio, dtype: <i4", "format: raw", "declare dtype"),
    ("scale: 1.0e-6", "scale: 0", "other than 0"),
    ("drop: the port knows this convention alone", "drop: x, scale: 2", "nothing to scale"),
    ("{drop: the port knows this convention alone}", "{config: NAME}", "no config is declared"),
    ("    output:", "    capabilities: {roy: true}\n    output:", "did you mean 'roi'"),
])
def test_a_declaration_that_cannot_be_used_is_refused_with_its_place(nb, port, old, new, words):
    (port / "port.yaml").write_text(PORT_CASE.replace(old, new))
    said = nb("run", "port.yaml", "--c-bin", port / "port.py", "-q")
    assert said.code == 1 and words in said.err and "port.yaml:" in said.err, said.err


def test_what_needs_a_capability_that_an_engine_lacks_says_so(nb, port, fake):
    (port / "port.yaml").write_text(PORT_CASE.replace("    output:", "    capabilities: {roi: false}\n    output:"))
    said = nb("run", "port.yaml", "--c-bin", fake("good"), "--shards", "2", "-q")
    assert said.code == 1 and "--shards needs an engine that knows roi" in said.err, said.err


# --- masks and NaN in cases ---------------------------------------------------------------------------------

def test_gaps_by_rule_and_by_file_take_no_part_and_nan_is_counted(nb, fake, small_case, tmp_path, quick_runs):
    """The subject's pixel (8, 0) is -1 and (0, 6) NaN; the file masks (4, 3), where it is off by half."""
    wrong = "values = pixels(); values[8], values[54], values[31] = -1, float('nan'), 500; write(values)"
    (tmp_path / "gaps.py").write_text(Path(fake("good")).read_text().replace("write(pixels())", wrong))
    (tmp_path / "_image.py").write_text((Path(fake("good")).parent / "_image.py").read_text())
    masked = np.zeros((7, 9), "u1")
    masked[3, 4] = 1
    np.save(tmp_path / "gaps.npy", masked)
    plain = small_case.read_text().replace("thresholds:", "thresholds:\n  - {metric: mask_mismatch, max: 0.5, why: a}")
    case = plain + "inputs: {gaps.npy: {file: gaps.npy}}\nmask: {equals: [-1], file: gaps.npy}\n"
    small_case.write_text(case + "nan: compare\n")
    unsaid = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", tmp_path / "gaps.py", "-q")
    assert unsaid.code == 8 and "1 of 63 pixels are NaN or infinite in the subject alone" in unsaid.out
    small_case.write_text(case.replace("thresholds:", "thresholds:\n  - {metric: nan_mismatch, max: 0.5, why: a}"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", tmp_path / "gaps.py", "-q", "--format", "json",
              "--all-metrics")
    assert said.code == 0, said.out + said.err
    bundle = said.json["bundle"]
    figures = {figure["metric"]: figure["value"] for figure in
               json.loads((Path(bundle) / "record.json").read_text())["comparison"]["regions"][0]["figures"]}
    assert figures["masked_fraction"] == pytest.approx(2 / 63) and figures["mask_mismatch"] == pytest.approx(1 / 63)
    assert figures["nan_mismatch"] > 0 and figures["max_abs_diff"] == 0
    assert nb("verify", bundle).code == 0
    assert nb("check", bundle).code == 0
    assert nb("diagnose", bundle).code in (0, 3)
    small_case.write_text(case)
    failed = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", tmp_path / "gaps.py", "-q")
    assert failed.code == 2 and "1 of 63 pixels NaN" in failed.out + failed.err


def test_a_mask_that_covers_a_region_leaves_no_evidence(run_small, small_case, quick_runs):
    small_case.write_text(small_case.read_text() + "mask: {below: 2000}\n")
    said, bundle = run_small()
    assert said.code != 0 and "all 63 are masked" in said.out
    assert len(list(bundle.iterdir())) and said.json["verdict"]["word"] != "PASS"


def test_a_mask_that_came_later_judges_no_older_images(nb, run_small, small_case, quick_runs):
    """Or a difference could be masked away after the fact."""
    said, bundle = run_small("good", "bright")
    assert said.code == 3
    small_case.write_text(small_case.read_text() + "mask: {above: 0.5}\n")
    again = nb("check", bundle, "--case", small_case)
    assert again.code == 8 and "masking" in again.out, again.out
