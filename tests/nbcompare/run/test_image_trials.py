"""nb-compare images A B -- ARGS: a difference of two existing images, explained by trial runs."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.found import DIAGNOSIS, kept

pytestmark = pytest.mark.usefixtures("quick_runs")

ARGS = ("-cell", 60, 60, 60, 90, 90, 90, "-N", 5, "-default_F", 50, "-lambda", 1.2, "-distance", 80, "-pixel", 1,
        "-detpixels", 24, "-nonoise", "-nopgm", "-oversample", 2)


@pytest.fixture
def rendered(tmp_path, reference_binary):
    """A float image of ARGS and more words, as .npy of float64."""

    def call(name, *more):
        words = list(map(str, (reference_binary, *ARGS, *more, "-floatfile", "out.bin")))
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
        np.save(tmp_path / name, np.fromfile(tmp_path / "out.bin", "<f4").reshape(24, 24).astype("f8"))

    return call


def test_a_difference_is_explained_by_trial_runs_of_the_arguments(rendered, nb):
    """One sub-pixel in place of four: nothing that the images alone could tell."""
    rendered("a.npy")
    rendered("b.npy", "-oversample", 1)
    alone = nb("images", "a.npy", "b.npy")
    assert alone.code == 3 and "oversample" not in alone.out
    said = nb("images", "a.npy", "b.npy", "--", *ARGS)
    assert said.code == 3 and "oversample" in said.out and "proven" in said.out, said.out
    bundle = Path(next(line.split()[1] for line in said.out.splitlines() if line.split()[:1] == ["bundle"]))
    assert kept(bundle, DIAGNOSIS)["causes"] and nb("verify", bundle).code == 0
    assert "oversample" in nb("show", bundle).out
    as_json = nb("images", "a.npy", "b.npy", "--no-bundle", "--format", "json", "--", *ARGS)
    assert "oversample" in as_json.json["cause"]


def test_arguments_of_another_size_and_images_that_agree(rendered, nb):
    rendered("a.npy")
    rendered("b.npy")
    other = nb("images", "a.npy", "b.npy", "--", *ARGS, "-detpixels", 32)
    assert other.code == 1 and "declare 32 x 32 pixels (fast x slow), and the reference is 24 x 24" in other.err
    same = nb("images", "a.npy", "b.npy", "--", *ARGS)
    assert same.code == 0 and "cause" not in same.out
    assert "no trial was run: no pixel that is judged differs" in same.out
    near = np.load("b.npy")
    near[3, 3] *= 1.0001
    np.save("near.npy", near)
    said = nb("images", "a.npy", "near.npy", "--no-bundle", "--", *ARGS)
    assert said.code == 0 and "no trial was run, as the images pass" in said.out
    np.save("low.npy", near[:12])
    low = nb("images", "a.npy", "low.npy", "--no-bundle", "--", *ARGS)
    assert low.code == 4 and "no trial was run: the images cannot be laid on each other" in low.out
    assert nb("images", "a.npy", "b.npy", "-mat", "A.mat").code == 1, "arguments come after --"
