"""What used to end with a trace: one clear line each, and never exit 70."""

import json
import os
import socket
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbcompare.cli import run
from tests.nbcompare.conftest import SMALL_ARGS, SMALL_CASE


def program(*words, **how):
    return subprocess.run([sys.executable, "-m", "nbcompare", *map(str, words)], capture_output=True, text=True,
                          timeout=120, check=False, **how)


BAD_TEXT = ("name: " + "9" * 5000, 'title: "a \\ud800 b"', 'environment: {"A=B": x}', "repeat: " + "1" * 5000,
            'environment: {"": x}', 'environment: {"A\\0": x}')


@pytest.mark.parametrize("line", BAD_TEXT)
def test_a_bad_value_in_a_case_is_one_line_with_its_place(nb, small_case, line):
    key = line.partition(":")[0]
    kept = [old for old in SMALL_CASE.splitlines() if not old.startswith(f"{key}:")]
    small_case.write_text("\n".join([*kept, line]) + "\n")
    said = nb("run", small_case)
    assert said.code == 1 and str(small_case) in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("kind", ("a corrupt stream", "a bad name", "not a zip", "cut short"))
def test_a_broken_zip_is_one_line(nb, store, kind):
    path = Path("b.zip")
    assert nb("export", store.passed, "-o", path).code == 0
    raw = bytearray(path.read_bytes())
    if kind == "a corrupt stream":
        with zipfile.ZipFile(path) as archive:
            entry = max(archive.infolist(), key=lambda info: info.compress_size)
        at = entry.header_offset + 60 + len(entry.filename)
        raw[at:at + 40] = bytes(40)
    elif kind == "a bad name":
        raw = raw.replace(b"record.json", b"rec\xff\xfed.js\x00")
    elif kind == "not a zip":
        raw[:] = b"hello"
    else:
        del raw[len(raw) // 2:]
    path.write_bytes(raw)
    said = nb("import", path, "--bundles", "others")
    assert said.code in (1, 5, 6) and "Traceback" not in said.err and said.err.startswith("nb-compare: error: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", (("metrics",), ("--help",), ("audit", "--list")))
def test_a_full_standard_output_is_exit_5(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "nbcompare", *words], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=120, check=False)
    assert done.returncode == 5 and "No space left" in done.stderr and "Traceback" not in done.stderr


def test_less_memory_than_the_libraries_reserve_is_said_before_they_are_loaded(nb, monkeypatch):
    """Some of them try again for ever: 200 s and more. 590 MiB are what one core needs."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    for mib, code in ((589, 5), (590, 0)):
        monkeypatch.setattr("resource.getrlimit", lambda kind, bytes=mib << 20: (bytes, bytes))
        said = nb("metrics")
        assert said.code == code and said.err.count("ulimit -v") == said.err.count("\n") == (code == 5)


def test_a_working_folder_that_is_gone_is_one_line(tmp_path):
    """It is removed while the program starts in it."""
    code = ("import os, sys, nbcompare.cli as cli; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); "
            "sys.exit(cli.run(['--threshold', '0.9', '--', '-N', '5', '-detpixels', '8']))")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode in (1, 2, 5) and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ("run", "sweep", "validate", "explain", "watch", "verify", "import"))
def test_a_name_that_no_file_system_takes_is_one_line(nb, command):
    """Path.exists fails for it, where it says of others that they are not there."""
    said = nb(command, "9" * 5000)
    assert said.code in (1, 5, 6) and (said.err + said.out).count("999: ") == 1 and "Traceback" not in said.err


@pytest.mark.parametrize("words", (("import", "odd"), ("attempt", "small", "--ledger", "odd"),
                                   ("attempt", "small", "--ledger", "l.md", "--plan", "odd", "--row", "N1")))
def test_what_is_no_file_is_not_read_to_an_end_that_it_may_not_have(nb, store, words):
    """A socket stands for devices: of /dev/zero the whole memory was filled, and a ledger would have replaced it."""
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind("odd")
        Path("l.md").write_text("# Ledger\n")
        said = nb(*words)
    assert said.code == 5 and "ordinary file" in said.err and said.err.count("error: ") == 1
    assert Path("odd").is_socket() and Path("l.md").read_text() == "# Ledger\n"


def test_what_ended_a_command_is_told_where_telling_it_in_a_file_fails(nb, monkeypatch):
    def fail(self, said):
        raise OSError(28, "No space left on device", "report.xml")

    monkeypatch.setattr("nbcompare.commands.publish.PublishedResults.failed", fail)
    said = nb("run", "no.yaml", "--junit", "report.xml")
    assert said.code == 1 and "no.yaml" in said.err and "No space left" in said.err and "Traceback" not in said.err


@pytest.mark.parametrize(("command", "option"), (("oneshot", "--png-scale"), ("oneshot", "--timeout"),
                                                 ("oneshot", "--threshold"), ("trace", "--tolerance"),
                                                 ("diagnose", "--budget"), ("audit", "--budget")))
@pytest.mark.parametrize("value", ("nan", "inf", "-inf"))
def test_what_is_no_number_is_no_value_of_an_option(nb, command, option, value):
    said = nb(command, option, value, "--", *SMALL_ARGS)
    assert (said.code == 1 and "not a finite number" in said.err) or "range" in said.err


# --- bad values for every option and every key -------------------------------------------------------------

BAD = st.one_of(st.sampled_from(["nan", "inf", "-inf", "1e999", "-1", "0", "", " ", "9" * 5000, "\x1b[2J", "a=b", "=",
                                 "../..", "--", "-", "@x", "/dev/null", "é", "\ud800", "\udcff", "a" * 300, "None",
                                 "[]", "{}", "1e-400"]),
                st.text(max_size=8))
EXAMPLES = int(os.environ.get("NB_FAULTS_EXAMPLES", "5"))
"""Of each option and key; make faults draws more."""

SMALL = settings(max_examples=EXAMPLES, deadline=None,
                 suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def every_option():
    """(command, words before its values, number of values) for each option, and argument, of every command."""
    from nbcompare.cli import COMMANDS, LazyCommands

    found = []
    for name in COMMANDS:
        for param in LazyCommands().get_command(None, name).params:
            option = [param.opts[0]] if param.opts[0].startswith("-") else []
            found.append((name, option, 0 if getattr(param, "is_flag", False) else max(1, param.nargs)))
    return found


def can_be_typed(value):
    """Whether a command line can hold it; a byte that is no UTF-8 comes as U+DC80 to U+DCFF."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" and not "\udc80" <= letter <= "\udcff"
                                        for letter in value)


@pytest.mark.parametrize(("command", "option", "values"), every_option())
@given(value=BAD)
@SMALL
def test_no_value_of_an_option_ends_with_a_trace(tmp_path_factory, command, option, values, value):
    """The arguments that follow name nothing, so that no engine is run; what a value itself does is refused or said."""
    if not can_be_typed(value):
        return
    home = tmp_path_factory.mktemp("option")
    before = Path.cwd()
    os.chdir(home)
    try:
        code = run([command, *option, *[value] * values, "no-such"])
    finally:
        os.chdir(before)
    assert code != 70


GOOD = {
    "explain": ("small.yaml",), "validate": ("small.yaml",), "verify": ("BUNDLE",), "check": ("BUNDLE",),
    "compare": ("BUNDLE", "OTHER"), "list": (), "trend": ("small",), "index": ("bundles",), "view": ("OTHER",),
    "show": ("BUNDLE",), "report": ("BUNDLE",), "export": ("BUNDLE",), "import": ("b.zip",), "doctor": (),
    "metrics": (), "diagnose": ("OTHER", "--quick"), "images": ("a.npy", "b.npy", "--no-bundle"),
    "prune": ("--dry-run",),
    "gate": ("N1", "--phases", "phases.yaml"), "attempt": ("BUNDLE", "--ledger", "l.md"),
}
"""What is good, behind an option with a bad value: the command goes on to where the value counts. None of these starts
an engine."""


@pytest.mark.parametrize("command", GOOD)
@given(data=st.data())
@settings(SMALL, max_examples=max(1, EXAMPLES // 2))
def test_no_value_of_an_option_ends_with_a_trace_where_all_else_is_good(nb, store, command, data):
    """No value that is a place outside the folder of the test."""
    if not Path("l.md").exists():
        Path("l.md").write_text("# Ledger\n")
        Path("phases.yaml").write_text(FILES["phases_schema.json"])
        np.save("a.npy", np.arange(63, dtype=np.float32).reshape(7, 9))
        np.save("b.npy", np.arange(63, dtype=np.float32).reshape(7, 9) * 1.01)
        assert nb("export", store.passed, "-o", "b.zip").code == 0
    _, option, values = data.draw(st.sampled_from([row for row in every_option() if row[0] == command and row[1]]))
    value = data.draw(BAD.filter(lambda text: can_be_typed(text) and not text.startswith(("/", ".."))))
    words = [{"BUNDLE": store.passed, "OTHER": store.failed}.get(word, word) for word in GOOD[command]]
    said = nb(command, *option, *[value] * values, *words)
    assert said.code != 70 and "Traceback" not in said.err, (option, value)


FILES = {"case_schema.json": SMALL_CASE, "phases_schema.json": """\
title: a plan
phases:
  - {name: N1, title: there, cases: [small.yaml], requires: {files_complete: true}}
""", "project_schema.json": "engines: {mine: {command: [prog]}}\n"}
"""Every file that people write, by its schema, with a good one of its kind."""


def every_key():
    """(schema, keys from the top) of every key that a schema knows, those within lists and references among them."""
    found = []

    def walk(name, schema, node, path, seen):
        reference = node.get("$ref")
        if reference:
            if reference in seen:
                return
            node, seen = schema["definitions"][reference.rpartition("/")[2]], (*seen, reference)
        for key, inner in node.get("properties", {}).items():
            found.append((name, (*path, key)))
            walk(name, schema, inner, (*path, key), seen)
        if isinstance(node.get("additionalProperties"), dict):
            walk(name, schema, node["additionalProperties"], (*path, "any"), seen)
        if isinstance(node.get("items"), dict):
            walk(name, schema, node["items"], (*path, 0), seen)
        for inner in (*node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
            walk(name, schema, inner, path, seen)

    for name in FILES:
        schema = json.loads((resources.files("nbcompare.case") / name).read_text(encoding="utf-8"))
        walk(name, schema, schema, (), ())
    return sorted(set(found), key=str)


def put(document, path, value):
    """A value at its place; what leads there is made where it is not, and replaced where it is something else."""
    key, *rest = path
    if not rest:
        inner = value
    else:
        old = document.get(key) if isinstance(document, dict) else document[0] if document else None
        inner = put(old if isinstance(old, (dict, list)) else [] if rest[0] == 0 else {}, rest, value)
    if key == 0:
        return [inner, *(document[1:] if isinstance(document, list) else ())]
    return {**(document if isinstance(document, dict) else {}), key: inner}


@pytest.mark.parametrize(("schema", "path"), every_key())
@given(value=st.recursive(BAD | st.none() | st.booleans() | st.floats() | st.integers(),
                          lambda inner: st.lists(inner, max_size=2) | st.dictionaries(BAD, inner, max_size=2),
                          max_leaves=4))
@SMALL
def test_no_value_of_a_key_ends_with_a_trace(tmp_path_factory, schema, path, value):
    """JSON is YAML; what is wrong is a case error, and what is right is loaded."""
    from nbcompare.case.case_file import load_case
    from nbcompare.case.phases import load_phases
    from nbcompare.case.project import load_project
    from nbcompare.errors import NbCompareError

    home = tmp_path_factory.mktemp("key")
    name = {"case_schema.json": "small.yaml", "phases_schema.json": "phases.yaml"}.get(schema, "nb-compare.yaml")
    (home / "small.yaml").write_text(SMALL_CASE)
    document = put(yaml.safe_load(FILES[schema]), path, value)
    (home / name).write_text(json.dumps(document), encoding="utf-8", errors="surrogatepass")
    try:
        {"phases.yaml": load_phases, "small.yaml": load_case}.get(name, load_project)(home / name)
    except NbCompareError as fault:
        assert str(fault)


@pytest.mark.parametrize("more", [{"protected": ["a" * 300]}, {"inputs": {"P1.hkl": {"file": "a" * 300}}}])
def test_a_name_that_no_file_system_takes_is_not_there(tmp_path, more):
    """As Path.is_file, which raises for it, would not say."""
    from nbcompare.case.case_file import load_case
    from nbcompare.errors import CaseError

    (tmp_path / "small.yaml").write_text(json.dumps({**yaml.safe_load(SMALL_CASE), **more}), encoding="utf-8")
    with pytest.raises(CaseError, match="there is no file aaa"):
        load_case(tmp_path / "small.yaml")
