"""A plain C program prints the last loop alone: the bundled reference tells the rest where it renders that pixel."""

import re
import sys

import pytest

ARGS = ("-default_F", "100", "-cell", "50", "60", "70", "90", "90", "90", "-lambda", "1", "-N", "5", "-distance", "100",
        "-detpixels", "12", "-pixel", "0.8", "-phi", "3", "-osc", "1", "-phisteps", "3", "-misset", "3", "5", "7",
        "-nonoise", "-nopgm", "-oversample", "1")
PLAIN = """#!{python}
# As nanoBragg C does: given -printout_pixel, it prints what the last loop left; it knows no -trace_pixel.
import re, subprocess, sys
words = sys.argv[1:]
while "-trace_pixel" in words:
    del words[(at := words.index("-trace_pixel")):at + 3]
asked = "-printout_pixel" in words
if asked:
    at = words.index("-printout_pixel")
    fast, slow = words[at + 1:at + 3]
    words[at:at + 3] = ["-trace_pixel", slow, fast]
said = subprocess.run(["{reference}", *words], capture_output=True, text=True, check=True).stdout
found = dict(re.findall(r"^TRACE (.*?)=(.*)$", said, re.MULTILINE))
print("\\n".join(line for line in said.splitlines() if not line.startswith("TRACE")))
if asked:
    one = {{name: float(found[name]) for name in ("I_before_scaling", "steps", "polarization", "solid_angle_sr")}}
    brighter = {brighter}
    last = "[0,0,0,0,2,0]"
    print(f"{{fast:>4}} {{slow:>4}} : stol = 1 or 2")
    print(f" F_cell={{float(found['F_cell' + last]):g}}  F_latt={{float(found['F_latt' + last]):g}}   "
          f"I = {{one['I_before_scaling'] * brighter:g}}")
    print(f"I/steps {{one['I_before_scaling'] * brighter / one['steps']:15.10g}}")
    print(f"polar   {{one['polarization']:15.10g}}\\nomega   {{one['solid_angle_sr']:15.10g}}")
    print("capfrac               1")
    print(f"pixel   {{float(found['intensity']) * brighter:15.10g}}")
"""


@pytest.fixture
def trace(nb, tmp_path, reference_binary):
    """Trace a plain C program of some brightness against one that prints every factor."""

    def call(*words, brighter=1.0):
        program = tmp_path / "plain"
        program.write_text(PLAIN.format(python=sys.executable, reference=reference_binary, brighter=brighter))
        program.chmod(0o755)
        return nb("trace", *words, "-q", "--pixel", 5, 4, "--c-bin", program, "--py-bin", reference_binary, "--", *ARGS)

    return call


def test_the_bundled_reference_tells_the_loops_that_the_program_does_not_print(trace):
    alone, completed = trace("--all"), trace("--all", "--complete")
    assert alone.code == completed.code == 0, alone.out + completed.out
    assert "2 of 3 F_latt" in alone.out and "F_latt[0,0,0,0,0,0]" not in alone.out
    assert "not compared" not in completed.out and "all else is of the bundled C reference" in completed.out
    F_latt = dict(re.findall(r"F_latt\[0,0,0,0,(\d),0\] +(.*)", completed.out))
    assert len(F_latt) == 3
    digits = {index: len(line.split()[0].strip("-").replace(".", "").lstrip("0")) for index, line in F_latt.items()}
    assert digits["2"] <= 6 < digits["0"], "what the program itself prints, six digits, stays its own word"


def test_a_bundled_reference_that_renders_another_pixel_tells_nothing(trace):
    said = trace("--complete", brighter=1.0001)
    assert said.code == 3 and "the bundled C reference cannot tell" in said.out
    assert "another pixel (intensity" in said.out
    assert "2 of 3 F_latt" in said.out


def test_of_nothing_there_is_no_percent(trace):
    """The program's fluence has six digits, 1.2e-7 off: that explains nothing of a ratio of 0.9999."""
    told = trace(brighter=1.0001).out.partition("explained by")[2]
    assert "100 %" in told and "fluence" not in told and "not explained" not in told
    assert "explained by" not in trace().out


def test_a_ratio_that_no_factor_explains_has_no_table():
    from nbcompare.commands.views import trace as view
    from nbcompare.engine.trace.shares import Share, Shares

    told = view._share_lines(Shares(1.5, (Share("F_cell", 1.0, 0.0), Share("other", 1.0, 0.0)), open=1e-9))
    assert told == ["  ratio subject/reference 1.5"]
