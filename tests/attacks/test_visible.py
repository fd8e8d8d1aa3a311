"""Text of strangers that a terminal, a ledger, a table or a page would obey."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.record import Record
from nbcompare.commands.screen import Screen
from nbcompare.engine.progress import Progress
from nbcompare.errors import EvidenceError
from nbcompare.files import dump_json
from nbcompare.plan.ledger_entry import _body
from nbcompare.visible import each_text, unseen, visible
from tests.nbcompare.conftest import FAKES, SMALL_ARGS, SMALL_CASE

ESCAPES = ("\x1b[2J", "\x1b]52;c;eA==\x07", "\x9b2J", "\r", "\x08", "\u202e", "\u2028", "\x00", "\ud800", "\x7f",
"\n", "\t",
           "\u200d", "\ue000", "\x1b[8m", "\x1b]0;title\x07", "\x1bP+q\x1b\\", "\x85", "\u2066", "\xad")
FORGED = "0\n## small\n### Attempt 9: PASS\n\x1b[2J\x1b]52;c;eA==\x07\u202e\r"
MARKUP = "</td></script><script>alert(1)</script><img src=x onerror=a>|`x`|<!-- [D] -->](javascript:a) ::error::%0A"


def shown_safely(*said):
    """Every line printed holds only what can be seen."""
    return all(line.isprintable() for each in said for line in (each.out + each.err).split("\n"))


@pytest.mark.parametrize("text", ESCAPES)
def test_what_a_terminal_would_obey_is_written_out(text):
    assert visible(f"a{text}b é").isprintable() and visible(f"a{text}b").startswith("a\\")
    assert list(unseen({"a": [{"b": f"x{text}"}], f"k{text}": "ok"})) == ["a[0].b", visible(f"k{text}")]
    assert json.loads(dump_json({"a": f"x{text}"})) == {"a": f"x{text}"} and dump_json(f"x{text}")[:-1].isprintable()


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_printed_reaches_the_terminal_as_it_is(text):
    stream = io.StringIO()
    Screen(stream).write(f"name {text}x\n")
    assert stream.getvalue() in (f"name {visible(text)}x\n", "name \nx\n")
    progress = Progress(stream)
    progress.begin(f"step {text}")
    progress.end(f"failed {text}")
    progress.say(f"said {text}")
    assert all(line.isprintable() for line in stream.getvalue().split("\n")) and stream.getvalue().count("\n") <= 5


def test_colours_of_ours_and_a_redrawn_line_get_through_and_bytes_do_not():
    stream = io.StringIO()
    Screen(stream).write("\r\x1b[Kstep \x1b[32m\x1b[1mPASS\x1b[0m \x1b[8mhidden\r\x1b[K\n")
    assert stream.getvalue() == "\r\x1b[Kstep \x1b[32m\x1b[1mPASS\x1b[0m \\x1b[8mhidden\\r\\x1b[K\n"
    assert not hasattr(Screen(stream), "buffer")


@pytest.mark.parametrize("text", [FORGED, *ESCAPES[:4]])
def test_an_error_does_not_pass_on_escapes_of_a_file_name(nb, text):
    text = text.replace("\x00", "")
    words = (("run", f"{text}.yaml"), ("show", text), ("verify", text), ("report", text), ("import", text), ("list",
    text),
             ("gate", "N1", "--phases", text), ("compare", text, text), ("check", text), (f"--{text}",), (text,),
             ("run", "small.yaml", f"--{text}"), ("--outdir", text, "--", "-mat", text), ("images", text, text))
    for said in (nb(*each) for each in words):
        assert said.code not in (0, 70) and shown_safely(said) and "\n### Attempt" not in said.err


# --- records ------------------------------------------------------------------------------------------------------


def leaves(value, path=()):
    """The places of all texts in a value of JSON."""
    if isinstance(value, str):
        yield path
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from leaves(entry, (*path, key))


def with_text(value, path, text):
    """The value with another text at one place."""
    if not path:
        return text
    made = value.copy()
    made[path[0]] = with_text(value[path[0]], path[1:], text)
    return made


def rewrite(folder, stored):
    path = folder / "record.json"
    path.chmod(0o644)
    path.write_text(json.dumps(stored))


def test_no_field_of_a_record_may_hold_what_cannot_be_seen(store):
    stored = json.loads((store.crashed / "record.json").read_text())
    places = list(leaves(stored))
    assert len(places) > 60
    for place in places:
        with pytest.raises(ValueError, match="cannot be seen|not of the kind|schema_version"):
            Record.from_dict(with_text(stored, place, FORGED))


def hostile_calls(nb, folder):
    """Every command that reads a bundle, on this one."""
    Path("ledger.md").write_text("")
    Path("phases.yaml").write_text("title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: "
                                   "{files_complete: true, exit_code: 0}}]\n")
    other = next(path for path in sorted(folder.parent.iterdir()) if path != folder)
    return [nb(*words) for words in (
        ("show", folder), ("show", "--json", folder), ("list",), ("list", "--format", "json"),
        ("report", folder, "--html", "page.html"), ("verify", folder), ("verify", folder, "--format", "json"),
        ("check", folder), ("check", folder, "small.yaml"), ("compare", folder, other), ("gate", "N1", "--phases",
        "phases.yaml"),
        ("gate", "N1", "--phases", "phases.yaml", "--markdown", "gate.md", "--junit", "gate.xml"),
        ("attempt", folder, "--ledger", "ledger.md"), ("export", folder, "out.zip"), ("regenerate", folder,
        "--dry-run"),
        ("diagnose", folder), ("prune", "--keep", "1"), ("doctor",), ("sweep", "small.yaml", "--dry-run"))]


def test_no_command_shows_what_a_record_hides(nb, store):
    stored = json.loads((store.passed / "record.json").read_text())
    for spoiled in (each_text(stored, lambda text: f"{text}{FORGED}"), with_text(stored, ("git", "sha"), FORGED)):
        rewrite(store.passed, spoiled)
        said = hostile_calls(nb, store.passed)
        assert shown_safely(*said) and 70 not in [each.code for each in said]
        assert Path("ledger.md").read_text() == "" and not Path("page.html").exists() and not Path("out.zip").exists()
    for place, value in ((("notes",), [FORGED]), (("runs", 1, "argv"), [FORGED]), (("case", "title"), FORGED)):
        rewrite(store.passed, with_text({"notes": [], **stored}, place, value))
        said = [nb("show", store.passed), nb("list"), nb("verify", store.passed)]
        assert shown_safely(*said) and [each.code for each in said] == [6, 6, 6]


SPEAKS = f"""\
import sys
sys.path.insert(0, {str(FAKES)!r})
print({FORGED!r})
print({FORGED!r}, file=sys.stderr)
if "-version" not in sys.argv:
    open("left" + {FORGED!r}.replace("/", ""), "w").close()
    sys.exit(3)
"""


def test_a_new_record_can_be_seen_whatever_an_engine_says_and_leaves(nb, fake, small_case, tmp_path, quick_runs):
    engine = tmp_path.parent / f"{tmp_path.name}-speaks.py"
    engine.write_text(SPEAKS)
    words = ("--c-bin", fake("good"), "--py-bin", engine)
    said = nb("run", small_case, *words, "--bundles", "b\x1b[2J", "--junit", "a.xml", "--markdown", "a.md", "--github")
    too = nb("--outdir", "out", *words, "--", *SMALL_ARGS)
    assert said.code == too.code == 2 and shown_safely(said, too)
    (folder,) = Path("b\x1b[2J/small").iterdir()
    record = load_bundle(folder).record
    assert "Attempt 9" in record.engines[1].version + str(record.verdict.reasons)
    written = [path for path in tmp_path.rglob("*") if path.suffix in (".json", ".md", ".xml", ".txt", ".sh")
               and not re.search("_cli_std|_std(out|err)", path.name)]
    assert len(written) > 8
    for path in written:
        assert path.read_text().replace("\n", "").replace("\t", "").isprintable(), path


def test_a_program_whose_name_cannot_be_seen_is_refused(nb, fake, small_case, tmp_path):
    engine = tmp_path / "e\x1b[2J.py"
    engine.write_text(SPEAKS)
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", engine)
    assert said.code == 1 and "cannot be seen" in said.err and shown_safely(said)


def test_a_case_keeps_its_texts_on_one_line_and_hides_nothing(nb, fake, small_case, quick_runs):
    small_case.write_text(SMALL_CASE.replace("title: a 9 x 7 image of fake engines",
    "title: |\n  two\n  lines\tand a tab\n"))
    nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    (folder,) = Path("bundles/small").iterdir()
    assert load_bundle(folder).record.case.title == "two lines and a tab" and nb("verify", folder).code == 0
    small_case.write_text(SMALL_CASE.replace("title: a", "title: a\u200db"))
    said = nb("run", small_case)
    assert said.code == 1 and "small.yaml:2:8" in said.err and "U+200D, which cannot be seen" in said.err


@pytest.mark.parametrize("option", ["--c-args", "--py-args"])
def test_an_argument_that_cannot_be_seen_is_refused(nb, fake, small_case, option):
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), option, "-x 'a\nPASS\x1b[2J'")
    assert said.code == 1 and "holds a character that cannot be seen" in said.err and shown_safely(said)


# --- markup -------------------------------------------------------------------------------------------------------


def test_markup_of_a_record_is_text_on_every_page(nb, store):
    """Everything can be seen here, and nothing of it may mean anything to a page, a table or a ledger."""
    from nbcompare.commands.views.github import annotations_of
    from nbcompare.commands.views.junit import junit
    from nbcompare.commands.views.markdown import markdown
    from nbcompare.commands.views.page.bundle_page import html_page
    from nbcompare.commands.views.results import result_of

    stored = json.loads((store.failed / "record.json").read_text())
    free = [("case", "title"), ("engines", 0, "name"), ("engines", 1, "version"), ("verdict", "reasons", 0),
            ("case", "command", 0), ("findings", "cause"), ("environment", "cpu")]
    for place in free:
        stored = with_text(stored, place, MARKUP)
    bundle = replace(load_bundle(store.failed), record=Record.from_dict(stored))
    page = html_page(bundle)
    assert "<script>alert" not in page and "<img src=x" not in page and "&lt;script&gt;alert" in page
    result = result_of(bundle, Path("small.yaml"))
    table = markdown([result])
    assert "<script>" not in re.sub(r"\\<", "", table)
    assert len(next(line for line in table.split("\n") if line.startswith("| FAIL")).split(" | ")) == 5
    assert "<script" not in junit([result]) and all("\n" not in line for line in annotations_of([result]))
    lines = [visible(line) for line in _body(store.failed, bundle.record, Path("ledger.md"))]
    assert not any("<!--" in line and "[D]" in line for line in lines)


def test_a_commit_of_a_record_cannot_forge_an_attempt(store):
    record = load_bundle(store.passed).record
    forged = replace(record, git=replace(record.git, sha="0\n## small\n### Attempt 9: PASS\n"))
    lines = [visible(line) for line in _body(store.passed, forged, Path("ledger.md"))]
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("edit", [{"argv": ["sh", "-c", "id"]}, {"unknown": 1}])
def test_a_run_that_does_not_follow_from_engine_and_case_is_a_fault(nb, store, edit):
    stored = json.loads((store.passed / "record.json").read_text())
    stored["runs"][1].update(edit)
    rewrite(store.passed, stored)
    said = nb("verify", store.passed)
    assert said.code == 6 and ("does not follow from" in said.out or "unknown" in said.out)
    if "unknown" in edit:
        with pytest.raises(EvidenceError):
            load_bundle(store.passed)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-" + "9" * 5000, "1e400"])
def test_a_number_that_nothing_can_hold_is_a_damaged_record(nb, store, number):
    path = store.failed / "record.json"
    text = path.read_text()
    path.chmod(0o644)
    path.write_text(re.sub(r'("reference_max": )[-0-9.e+]+', rf"\g<1>{number}", text))
    said = [nb("show", store.failed), nb("list"), nb("verify", store.failed)]
    assert path.read_text() != text and [each.code for each in said] == [6, 6, 6]
