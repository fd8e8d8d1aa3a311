"""What needs something that an engine is declared to be unable to do says so, before anything is run."""

from pathlib import Path

import pytest

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.case_file import load_case
from nbcompare.engine.choose import engines_of
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.batch import batch_engine
from nbcompare.run.options import RunOptions
from tests.nbcompare.conftest import SMALL_CASE

CLAIM = """
divergences:
  - id: phi-carryover
    title: a step is lost
    engine: reference
    emulate: [-emulate, phi-carryover]
    bounds: {full: {sum_ratio: {min: 0.9, max: 1.1}}}
    why: known
    reference: d.md
    owner: me
    expires: 2027-01-01
"""


@pytest.fixture
def declared(tmp_path, fake):
    """Write the small case with two declared engines, which are said to be able or unable to do something."""

    def write(reference="", subject="", more=""):
        (tmp_path / "d.md").write_text("known\n")
        entries = "".join(f"  {role}:\n    command: {fake(name)}\n    capabilities: {{{said}}}\n"
                          for role, name, said in (("reference", "good", reference), ("subject", "twin", subject)))
        (tmp_path / "small.yaml").write_text(SMALL_CASE + "engines:\n" + entries + more)
        return tmp_path / "small.yaml"

    return write


@pytest.mark.parametrize(("reference", "subject", "more", "command", "words"), [
    ("roi: false", "", "", ["run", "--shards", "2"], "--shards needs an engine that knows roi"),
    ("", "roi: false", "", ["run", "--shards", "2"], "--shards needs an engine that knows roi"),
    ("threads: false", "", "", ["run", "--noise-floor"], "a noise floor over numbers of threads needs an engine that "
                                                         "knows threads"),
    ("threads: false", "", "threads: [1, 2]\n", ["run"], "threads of the case needs an engine that knows threads"),
    ("", "emulate: false", CLAIM, ["run"], "the claim phi-carryover needs an engine that knows emulate"),
    ("trace: false", "", "", ["trace", "--pixel", "1", "1"], "a trace needs an engine that knows trace"),
    ("", "trace: false", "", ["trace", "--pixel", "1", "1"], "a trace needs an engine that knows trace")])
def test_what_an_engine_cannot_do_is_said_before_it_runs(nb, declared, reference, subject, more, command, words):
    case = declared(reference, subject, more)
    said = nb(*command, case, "-q")
    who = "subject" if subject else "reference"
    assert said.code == 1 and words in said.err and f"small.yaml says that the {who} " in said.err
    assert not list(Path("bundles").glob("small/*"))


@pytest.mark.parametrize(("said", "opened"), [("", True), ("batch: true", True), ("batch: false", False)])
def test_an_engine_that_is_said_to_know_no_batch_is_not_asked_for_one(nb, declared, fake, tmp_path, said, opened):
    case = load_case(declared("", said))
    case.path.write_text(case.path.read_text().replace(str(fake("twin")), str(fake("batch"))))
    engine = engines_of(load_case(case.path), RunOptions(), Progress(quiet=True), (SUBJECT,))[SUBJECT]
    with batch_engine(engine) as batch:
        assert (batch is not None) is opened


@pytest.mark.parametrize("said", ["", "roi: true", "trace: false"])
def test_what_is_not_declared_is_tried(declared, said):
    engine = engines_of(load_case(declared("", said)), RunOptions(), Progress(quiet=True), (SUBJECT,))[SUBJECT]
    engine.require("roi", "--shards")


@pytest.mark.parametrize("text", ["roi: no thanks", "roi: 0", "roi: [false]"])
def test_a_capability_is_true_or_false(nb, declared, text):
    said = nb("validate", declared("", text))
    assert said.code == 1 and "roi must be true or false" in said.out + said.err
