"""A secret in every place where an engine or a repository can put text; then everything that was written is read."""

import subprocess
from pathlib import Path

import pytest

from tests.nbcompare.conftest import FAKES

SECRET = "aB3dE5fG7h" + "J9kL1mN3pQ" + "5rS7tU9vW1"
ENGINE = f"""\
import os, sys
sys.path.insert(0, {str(FAKES)!r})
secret = os.environ["PLANTED"] if "PLANTED" in os.environ else open({{place!r}}).read()
print("engine 1.0 token=" + secret if "-version" in sys.argv else "progress 50 % of " + secret)
print("TRACE_C: api_key=" + secret, file=sys.stderr)
if "-version" not in sys.argv:
    os.makedirs("deep/" + secret, exist_ok=True)
    open("deep/" + secret + "/left.txt", "w").write("x")
    for name, text in (("notes.txt", "password: "), ("log.jsonl", '{{{{"token": "'), ("page.html", "<b>Bearer ")):
        open(name, "w").write(text + secret + '"')
{{end}}
"""
ENDS = {"a good image": "from good import *", "a failure": "sys.exit('cannot log in with ' + secret)",
        "an exception": "raise ValueError('bad key ' + secret)"}


@pytest.fixture
def planted(tmp_path):
    """The folder of an engine that knows a secret; it is no part of what is searched."""
    home = tmp_path.parent / f"{tmp_path.name}-engines"
    home.mkdir()
    (home / "secret").write_text(SECRET)

    def make(end):
        (home / "engine.py").write_text(ENGINE.format(place=str(home / "secret"), end=end))
        return home / "engine.py"

    return make


def found_below(folder):
    """Files that hold the secret, or are called so, but those of the git repository itself."""
    paths = [path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts]
    return [path for path in paths if SECRET in str(path.relative_to(folder))
            or (path.is_file() and SECRET.encode() in path.read_bytes())]


@pytest.mark.parametrize("end", ENDS)
def test_no_place_keeps_it(nb, fake, small_case, planted, tmp_path, quick_runs, end):
    Path("phases.yaml").write_text("title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: "
                                   "{files_complete: true}}]\n")
    for words in (("init", "-q"), ("remote", "add", "origin", f"https://me:{SECRET}@h.example/x.git"),
                  ("checkout", "-qb", f"token={SECRET}")):
        subprocess.run(["git", *words], check=True)
    said = [nb("run", small_case, "--c-bin", fake("twin"), "--py-bin", planted(ENDS[end]), "--fresh", "--junit",
               "a.xml", "--markdown", "a.md", "--github", "--format", "jsonl")]
    (folder,) = Path("bundles/small").glob("2*Z")
    Path("ledger.md").write_text("")
    said += [nb(*words) for words in (
        ("report", folder, "--html", "page.html"), ("show", folder), ("list",), ("verify", folder),
        ("check", folder, "--case", small_case), ("index", "--html", "index.html"), ("trend", "small"),
        ("gate", "N1", "--phases", "phases.yaml"), ("attempt", folder, "--ledger", "ledger.md"),
        ("export", folder, "-o", "sent.zip"), ("diagnose", folder, "--budget", "0"), ("doctor",))]
    assert found_below(tmp_path) == []
    assert SECRET not in "".join(each.out + each.err for each in said)
    assert all(each.code != 70 for each in said) and Path("ledger.md").read_text()
