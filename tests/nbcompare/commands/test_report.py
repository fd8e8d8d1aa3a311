"""What a stranger reads when a run ends: a dozen lines at most, and each of them tells something."""

import json

import pytest

FAILURES = [("good", "bright"), ("good", "constant"), ("good", "crash"), ("good", "nan"), ("good", "good"),
            pytest.param(("without_flux", "silent"), marks=pytest.mark.simulator)]


@pytest.mark.parametrize("engines", FAILURES)
def test_no_failure_takes_more_than_a_dozen_lines(nb, fake, small_case, engines):
    said = nb("run", small_case, "--c-bin", fake(engines[0]), "--py-bin", fake(engines[1]), "-q")
    lines = said.out.strip().splitlines()
    assert said.code != 0 and len(lines) <= 12
    assert all(len(text) <= 214 or "sources: [" in text for text in lines[:-2]), "what is to be copied is whole"
    assert not any(text.endswith("...") for text in lines[-2:])
    assert lines[-1].startswith("  next") and lines[-2].startswith("  bundle")


def test_a_failure_says_what_how_much_where_why_and_what_next(nb, fake, small_case):
    """All but how the words are chosen: the lines in their order, the figure, the pixel and the command."""
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("bright"), "-q")
    told = {line[:12].strip(): line[13:] for line in said.out.splitlines()[1:] if line[2] != " "}
    assert list(told) == ["reference", "subject", "what", "noise", "where", "cause", "bundle", "next"]
    assert told["what"] == "sum_ratio on full: 125932, allowed 0.99 .. 1.01"
    assert "--noise-floor" in told["noise"]
    assert told["where"] == ("largest difference 1.25931e+08 at pixel x=4 (fast) y=3 (slow): reference 1000, subject "
                             "1.25932e+08")
    assert told["next"].startswith("nb-compare diagnose bundles/small/")


def test_the_place_is_that_of_the_region_that_fails(nb, fake, small_case, tmp_path):
    """The first threshold that does not hold is on the middle, whose worst pixel is not that of the frame."""
    small_case.write_text(small_case.read_text().replace("[2, 6, 2, 5]", "[2, 3, 4, 5]")
                          .replace("min: 0.99, max: 1.01", "min: 0.99, max: 1.01, rois: [middle]"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("bright"), "-q")
    place = next(line for line in said.out.splitlines() if line.startswith("  where"))
    assert "y=4" in place or "y=5" in place


def test_a_likely_cause_is_kept_in_record_and_summary(run_small):
    said, folder = run_small("good", "bright")
    cause = said.json["findings"]["cause"]
    assert "125932" in cause.replace(",", "")
    assert json.loads((folder / "results/summary.json").read_text())["cause"] == cause


def test_a_one_shot_that_fails_names_its_likely_cause_too(nb, fake):
    said = nb("--c-bin", fake("good"), "--py-bin", fake("bright"), "-q", "--", "-detpixels_x", 9, "-detpixels_y", 7)
    assert said.code == 3
    assert "  cause" in said.out and len(said.out.strip().splitlines()) <= 12
