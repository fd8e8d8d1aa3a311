"""Whether what was run is what the case says, on records in memory: arguments, inputs, declared programs, variables."""

from dataclasses import replace
from types import SimpleNamespace as Things

import pytest

from nbcompare.case.case import Pin
from nbcompare.case.declared.adapter import Adapter
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.errors import UsageError
from nbcompare.plan import origins
from tests.nbcompare.plan.evidence_in_memory import evidence_of, identity

SAME = "arguments, variables, inputs and programs are those of the case"


def test_the_experiment_is_that_of_the_case(home):
    assert origins.experiment_of_the_case(evidence_of(home)) == (True, SAME)


@pytest.mark.parametrize(("key", "value", "why"), [
    ("command", ("-flux", "2"), "command was -flux 1, and the case says -flux 2"),
    ("reference_args", ("-y", "3"), "reference args was nothing, and the case says -y 3"),
    ("subject_args", (), "subject args was -x, and the case says nothing"),
    ("environment", {"A": "1"}, "environment was {}, and the case says {'A': '1'}"),
    ("options", "nanobragg", "options was own, and the case says nanobragg"),
    ("masking", "some", "masking was none, and the case says some"),
    ("nan", "compare", "nan was fail, and the case says compare"),
    ("expect", {"subject": 1}, "expect was {}, and the case says {'subject': 1}"),
    ("subjects", {"a": 1}, "subjects was {}, and the case says {'a': 1}")])
def test_a_case_that_asks_for_something_else_now_is_another_experiment(home, key, value, why):
    assert origins.experiment_of_the_case(evidence_of(home, says={key: value})) == (False, why)


def test_images_that_nobody_rendered_and_shapes_that_nobody_asked_for_are_no_experiment_of_a_case(home):
    assert origins.experiment_of_the_case(evidence_of(home, images={})) == (
        False, "no engine was run: the bundle is of two image files")
    assert origins.experiment_of_the_case(evidence_of(home, resample=True)) == (
        False, "an image of another shape was allowed (--resample), which no case says")


@pytest.mark.parametrize(("origin", "as_pinned", "sha256", "holds"), [
    ("case", True, "1", True), ("case", True, "9", True), ("case", False, "1", False), ("user", True, "1", True),
    ("user", True, "2", True), ("user", True, "9", False), ("user", False, "1", False)])
def test_inputs_of_the_user_are_those_of_the_case_only_where_it_pins_them(home, origin, as_pinned, sha256, holds):
    entries = [Things(name=name, origin=origin, as_pinned=as_pinned, sha256=sha256) for name in ("a.mat", "b.mat")]
    pinned = [Things(name=name, sums=("1", "2"), file=None) for name in ("a.mat", "b.mat")]
    found = origins.experiment_of_the_case(evidence_of(home, inputs=entries, case={"inputs": pinned}))
    assert found == ((True, SAME) if holds else
                     (False, "the engines read files of the user's own in place of a.mat, b.mat"))
    if origin == "user":
        assert not origins.experiment_of_the_case(evidence_of(home, inputs=entries))[0]


@pytest.fixture
def declared(home, monkeypatch):
    """What is said of the experiment where engines are declared, the subject so; keys of the evidence may differ."""

    def call(engine=None, pins=None, variables=None, here=None, subjects=(), named=None, reference=None, **declaration):
        wanted = EngineDeclaration(**{"name": "subject", "command": (str(home / "subject"),),
                                      "file": home / "nb-compare.yaml"} | declaration)
        engines = {"subject": wanted, **({"reference": replace(wanted, **reference)} if reference else {})}
        monkeypatch.setattr(origins, "declared_engines", lambda case, project: engines)
        monkeypatch.setattr(origins, "start_words", lambda command, folder, where, search: command)
        monkeypatch.setattr(origins, "variable_facts", lambda extra: here or {})
        case = {"pins": pins or {}, "subjects": named or {}}
        return origins.experiment_of_the_case(evidence_of(
            home, identity(home, "reference"), identity(home, "subject", **engine or {}), case=case, subjects=subjects,
            environment=variables or {}))

    return call


def test_the_program_is_the_declared_one(declared, home, monkeypatch):
    assert declared() == (True, SAME)
    assert declared(command=("port", "-x")) == (
        False, f"the subject was {home}/subject (--x), and nb-compare.yaml declares port -x")
    assert declared(adapter=Things(stored=None)) == (
        False, "what stands between the case and the subject (arguments, config, output) is not what nb-compare.yaml "
               "declares now")
    assert declared({"adapter": Adapter(others="pass")}, adapter=Adapter(others="pass")) == (True, SAME)
    kept = {"made_of": MadeOf("script", keeps=("/a", "/b"))}
    assert declared(kept, keeps=("/a", "/b"))[0]
    assert declared(kept, keeps=("/a",)) == (
        False, "the subject was declared to keep /a, /b from run to run, and nb-compare.yaml says /a now; run the case "
               "again")
    assert declared({"made_of": None}, keeps=("/a",)) == (
        False, "the subject was declared to keep nothing from run to run, and nb-compare.yaml says /a now; run the "
               "case again")

    def refusing(*words):
        raise UsageError("there is no program port")

    monkeypatch.setattr(origins, "start_words", refusing)
    evidence = evidence_of(home)
    assert origins._declared_programs(evidence) == (False, "there is no program port")


def test_the_program_is_looked_for_on_the_declared_path(home, monkeypatch):
    asked = []
    wanted = EngineDeclaration("subject", ("port",), home / "nb-compare.yaml", set_variables=(("PATH", "/bin"),))
    monkeypatch.setattr(origins, "declared_engines", lambda case, project: {"subject": wanted})
    monkeypatch.setattr(origins, "start_words", lambda *words: asked.append(words) or (str(home / "subject"),))
    subject = identity(home, "subject", variables={"PATH": "/bin"})
    assert origins._declared_programs(evidence_of(home, subject))[0]
    assert asked == [(("port",), home, str(home / "nb-compare.yaml"), "/bin")]


@pytest.mark.parametrize(("pin", "why"), [
    (Pin("f" * 64), "the subject has not the sum that the case pins"),
    (Pin(None, "2"), "the subject has not the version that the case pins"),
    (Pin(None, "1"), None), (Pin(), None)])
def test_a_program_has_the_sum_and_the_version_that_the_case_pins(declared, home, pin, why):
    found = declared(pins={"subject": pin})
    assert found[0] is (why is None) and (why is None or found[1].startswith(why))
    own = identity(home, "subject", made_of=MadeOf("script", files=(SourceFile("a", "a", "1"),)))
    for digest in (own.program_sha256, own.source_sha256):
        assert declared({"made_of": own.made_of}, {"subject": Pin(digest, "1")})[0]


def test_another_engine_among_the_subjects_is_the_declared_one(declared, home):
    other = identity(home, "port.py", role="subject", name="older")
    entry = Things(name="old", engine=other)
    named = {"old": FurtherSubject((), "subject"), "lost": FurtherSubject((), "lost")}
    assert declared(subjects=(Things(name="lost", engine=other),), named=named) == (
        False, "subject lost was older, which no file declares now")
    assert declared(subjects=(entry,), named=named)[1].startswith(f"the subject was {home}/port.py (--x), and ")
    assert declared(subjects=(Things(name="old", engine=None),), named={}) == (True, SAME)
    same = Things(name="old", engine=identity(home, "subject"))
    pins = {"subject": Pin(None, "1")}
    assert declared(subjects=(same,), named=named, pins=pins) == (True, SAME)
    newer = Things(name="old", engine=identity(home, "subject", version="2"))
    assert declared(subjects=(newer,), named=named, pins=pins) == (True, SAME), "the pin is of the subject alone"


def test_variables_are_those_that_are_declared(declared, monkeypatch):
    for name in ("N", "M"):
        monkeypatch.delenv(name, raising=False)
    told = "the subject had N={}, and nb-compare.yaml sets {}"
    assert declared(set_variables=(("N", "1"),)) == (False, told.format("", "1"))
    assert declared({"variables": {"N": "2"}}, set_variables=(("N", "1"),)) == (False, told.format("2", "1"))
    assert declared({"variables": {"N": "2"}}) == (False, told.format("2", "nothing"))
    assert declared({"variables": {"N": "1"}}, set_variables=(("N", "1"),)) == (True, SAME)
    assert declared({"variables": {"N": "2"}}, set_variables=(("N", "1"),), pass_variables=("N",))[0] is False
    passed = declared({"variables": {"N": "2", "M": "3"}}, pass_variables=("?",))
    assert passed == (True, f"{SAME}; the subject had M=3 from the shell; the subject had N=2 from the shell")
    monkeypatch.setenv("N", "5")
    again = "which is set here; unset it, or run the case again"
    assert declared({"variables": {"N": "2"}}, pass_variables=("N",)) == (
        False, f"the subject had N=2, and nb-compare.yaml passes on N=5, {again}")
    assert declared(pass_variables=("N",)) == (False, "the subject had N=, and nb-compare.yaml passes on N=5, " + again)
    assert declared({"variables": {"N": "1"}}, pass_variables=("N",), set_variables=(("N", "1"),)) == (True, SAME)
    monkeypatch.setenv("LESSX", "5")
    assert declared(pass_variables=("LESS*",)) == (True, SAME), "of the session"


def test_variables_of_the_shell_are_told_and_another_one_here_counts(declared):
    threads = {"$OMP_NUM_THREADS": "2"}
    had = "; the engines had OMP_NUM_THREADS=2 from the shell"
    assert declared(variables=threads) == (True, SAME + had)
    assert declared(variables=threads, here=threads) == (True, SAME + had)
    again = "here, where they would get it; unset it, or run the case again"
    assert declared(variables=threads, here={"$OMP_NUM_THREADS": "4"}) == (
        False, f"OMP_NUM_THREADS was 2 for the engines and is 4 {again}")
    assert declared(here=threads) == (False, f"OMP_NUM_THREADS was not set for the engines and is 2 {again}")
    setting = (("OMP_NUM_THREADS", "2"),)
    own = {"variables": {"OMP_NUM_THREADS": "2"}}
    assert not declared(own, here=threads, set_variables=setting)[0], "the reference would get it"


def test_what_the_case_sets_itself_is_not_of_the_shell(home):
    evidence = evidence_of(home, environment={"$OMP_A": "1", "$OMP_B": "2"}, case={"environment": {"OMP_A": "1"}})
    assert origins._computing(evidence) == "; the engines had OMP_B=2 from the shell"


def test_a_variable_that_every_engine_is_declared_to_have_is_none_of_the_shells(home):
    """Two declarations that set it; with one alone, the other engine would get the shell's."""
    setting = EngineDeclaration("x", ("x",), home / "f", set_variables=(("OMP_A", "1"), ("PYTHONPATH", "/own")))
    evidence = evidence_of(home, environment={"$PYTHONPATH": "/then"})
    both = [(identity(home, "reference"), setting), (identity(home, "subject"), setting)]
    one = [both[0], (identity(home, "subject"), replace(setting, set_variables=()))]
    none = [both[0], (identity(home, "subject"), None)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origins, "variable_facts", lambda extra: {"$OMP_A": "4", "$HOME": "/here", "$TZ": "UTC"})
        assert origins._shell_fault(evidence, both) is None
        said = "; HOME was not set for the engines and is /here here; TZ was not set for the engines and is UTC here"
        assert origins._elsewhere(evidence, both) == said
        for asked in (one, none):
            assert origins._shell_fault(evidence, asked).startswith("OMP_A was not set for the engines and is 4 here")
            assert origins._elsewhere(evidence, asked) == (
                said.replace("; TZ", "; PYTHONPATH was /then for the engines and is not set here; TZ"))


def test_what_an_adapter_kept_from_an_engine_is_read_by_whoever_signs(home, monkeypatch):
    monkeypatch.setattr(origins, "adapt", lambda adapter, arguments: Things(dropped=adapter or ()))
    evidence = evidence_of(home, identity(home, "reference"), identity(home, "subject", adapter=("-a 1", "-b 2")))
    assert origins._not_given(evidence) == "; NOT GIVEN to the subject: -a 1; NOT GIVEN to the subject: -b 2"
