"""The front door of nb-compare for tests: the command line in this process, and small cases with fake engines."""

import hashlib
import json
import os
import pickle
import shutil
import sys
import tempfile
from contextvars import Context
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nbcompare.cli import run
from nbcompare.engine.repository import git
from nbcompare.run import mapped_tests
from tests.nbcompare.documents import command_of, faults

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes"
SMALL_ARGS = ("-detpixels_x", "9", "-detpixels_y", "7", "-flux", "1e18")
SMALL_CASE = """\
name: small
title: a 9 x 7 image of fake engines
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois:
  full: full
  middle: [2, 6, 2, 5]
thresholds:
  - {metric: correlation, min: 0.9995, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
"""


@dataclass
class Said:
    """What one call of the program returned and printed."""

    code: int
    out: str
    err: str
    command: str

    @property
    def json(self):
        """The one document that was printed, which is as the schema of its command says."""
        document = json.loads(self.out)
        assert faults(document, self.command) == []
        return document


@pytest.fixture
def nb(tmp_path, monkeypatch, capsys):
    """Call nb-compare in an empty folder; words may be paths."""
    for name in ("NB_C_BIN", "NB_PY_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words) -> Said:
        code = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err, command_of(tuple(map(str, words))))

    return call


ALWAYS_THE_SAME = ("good", "twin", "bright", "flux", "flux_too", "constant", "zero", "zero_too", "nan", "crash",
                   "any_command", "any_command_too", "five_defects")
"""Fakes that no file has a part in but their own and the one that they share, which no test changes."""

_SAID: dict[tuple, object] = {}


@pytest.fixture(autouse=True)
def fakes_are_asked_once(monkeypatch):
    """What those fakes say of their version, and their interpreter of what they are made of, is asked once for all
    tests of a process and each environment: these are four processes of every run, and nothing in them changes. An
    engine that lies elsewhere, is declared or is confined is asked each time."""
    from nbcompare.engine import identity
    from nbcompare.engine.sources import interpreter

    def remembered(ask):
        def asked(engine, *more):
            if engine.program.parent != FAKES or engine.program.stem not in ALWAYS_THE_SAME or engine.declaration \
                    or engine.confined:
                return ask(engine, *more)
            variables = {**os.environ, **engine.variables(more[-1]), "PYTEST_CURRENT_TEST": ""}
            question = (ask.__name__, engine.start, tuple(map(repr, more[:-1])), tuple(sorted(variables.items())))
            if question not in _SAID:
                _SAID[question] = ask(engine, *more)
            return deepcopy(_SAID[question])
        return asked

    monkeypatch.setattr(interpreter, "_ask", remembered(interpreter._ask))
    monkeypatch.setattr(identity, "_version_line", remembered(identity._version_line))


@pytest.fixture(scope="session", autouse=True)
def libraries_are_looked_through_once():
    """Which installed files of this Python are not as their lists say is some thousand questions of every run, and no
    test edits them: those that edit a library have one of their own."""
    from nbcompare.engine.sources import edited

    look_through, found = edited._edited_files, {}

    def remembered(listing):
        if not Path(listing).is_relative_to(sys.prefix):
            return look_through(listing)
        if listing not in found:
            found[listing] = tuple(look_through(listing))
        return found[listing]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edited, "_edited_files", remembered)
        yield


_GIT: dict[tuple, bytes | None] = {}


@pytest.fixture(autouse=True)
def git_is_asked_once_about_the_checkout(monkeypatch):
    """Where nb-compare and the fakes lie, ten questions of every run, of which nothing changes while tests run. Of the
    repositories that tests make it is asked each time."""
    ask = git.answer

    def remembered(argv, *more, told="", **named):
        if not Path(argv[2]).is_relative_to(CHECKOUT):
            return ask(argv, *more, told=told, **named)
        question = (*argv, told, *more, *sorted(named.get("environment", {}).items()))
        if question not in _GIT:
            _GIT[question] = ask(argv, *more, told=told, **named)
        return _GIT[question]

    monkeypatch.setattr(git, "answer", remembered)


_DRAWN: dict[str, object] = {}


@pytest.fixture(autouse=True)
def small_pictures_are_drawn_once(request, monkeypatch):
    """Pictures of the same small images, with the same words and scales, are drawn once for all tests of a process:
    many run one small case with the same fakes, and drawing takes a third of what such a run costs this process. What
    is drawn is looked at in tests/nbcompare/compare, where nothing is remembered."""
    if request.path.parent.name == "compare":
        return
    from nbcompare.compare import pictures, region_pictures

    def remembered(draw, *what):
        try:
            asked = pickle.dumps((draw.__name__, *what))
        except (TypeError, AttributeError, pickle.PicklingError):
            return draw(*what)
        if len(asked) > 1 << 18:
            return draw(*what)
        key = hashlib.sha256(asked).hexdigest()
        if key not in _DRAWN:
            _DRAWN[key] = draw(*what)
        return _DRAWN[key]

    def packed(view, boxes, scale, images):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, str(at)) for at in range(len(images))]
            asked = [(path, *rest) for path, rest in zip(paths, images, strict=True)]
            Context().run(draw_all, view, boxes, scale, asked)  # in that of a run they are written in its end
            return [path.read_bytes() for path in paths]

    def drawn(view, boxes, scale, asked):
        found = remembered(packed, view, list(boxes), scale, [rest for _, *rest in asked])
        for (path, *_), content in zip(asked, found, strict=True):
            path.write_bytes(content)

    draw_all, region_picture = pictures.draw_all, region_pictures.region_picture
    monkeypatch.setattr(pictures, "draw_all", drawn)
    monkeypatch.setattr(region_pictures, "region_picture", lambda *what: remembered(region_picture, *what))


@pytest.fixture
def quick_runs(monkeypatch):
    """Runs without what takes most of their time, for tests that look at neither: axes and labels of the pictures,
    asking torch for a CUDA device, and the plugins of this suite in the pytest of mapped tests."""
    monkeypatch.setattr("nbcompare.run.mapped_tests._PYTEST", (
        *mapped_tests._PYTEST, "-p", "no:hypothesispytest", "-p", "no:xdist"))
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
    monkeypatch.setattr("nbcompare.compare.pictures.draw_all", write_plain_pictures)
    monkeypatch.setattr("nbcompare.compare.region_pictures.region_picture", lambda *_: np.zeros((2, 2, 3), np.uint8))


def write_plain_pictures(view, boxes, scale, pictures):
    """Pictures that cost nothing: of one grey."""
    from PIL import Image

    for path, *_ in pictures:
        Image.new("L", (4, 4), 128).save(path, format="png")


@pytest.fixture
def fake():
    """The path of a fake engine by name."""
    return lambda name: FAKES / f"{name}.py"


@pytest.fixture
def small_case(tmp_path):
    """A case file that the fake engines can serve."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL_CASE)
    return path


@pytest.fixture
def run_small(nb, fake, small_case):
    """Run the small case with two fake engines and return what was said and the bundle's folder.

    They are two programs, as one program compared with itself is no pass; both are run, whatever is stored.
    """

    def call(reference="good", subject="twin", *more):
        said = nb("run", small_case, "--c-bin", fake(reference), "--py-bin", fake(subject), "-q", "--fresh", "--format",
                  "json", *more)
        return said, Path(said.json["bundle"])

    return call


@pytest.fixture
def repository_is(monkeypatch):
    """Pretend that project, engines and nb-compare lie in one repository, at a commit; and at another one now."""

    def call(sha, dirty, now=None):
        from nbcompare.engine.repository.git import UNKNOWN, RepositoryState

        def state(commit, changed):
            return RepositoryState("/repository" if commit != UNKNOWN else None, commit, "main", changed)

        class Pretended:
            def of(self, folder):
                return state(sha, dirty) if folder else RepositoryState(None)

        monkeypatch.setattr("nbcompare.run.provenance.Repositories", Pretended)
        monkeypatch.setattr("nbcompare.run.provenance.not_committed", lambda top, paths: [])
        monkeypatch.setattr("nbcompare.plan.origins.repository_of", lambda folder: state(now or sha, False))

    return call


# --- stored bundles, made once -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A folder of three bundles of the small case, oldest first: it passed, it failed, its subject crashed."""
    home = tmp_path_factory.mktemp("made")
    (home / "small.yaml").write_text(SMALL_CASE)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NB_C_BIN", "NB_PY_BIN"):
            patch.delenv(name, raising=False)
        for subject in ("twin", "bright", "crash"):
            run(["run", str(home / "small.yaml"), "--c-bin", str(FAKES / "good.py"), "--py-bin",
                 str(FAKES / f"{subject}.py"), "--bundles", str(home / "bundles"), "-q", "--fresh"])
    return home / "bundles"


@dataclass
class Store:
    """Copies of the three bundles, for one test to handle as it likes."""

    root: Path
    passed: Path
    failed: Path
    crashed: Path


@pytest.fixture
def store(made_once, tmp_path, nb, small_case):
    """The three bundles below ./bundles, beside their case file."""
    shutil.copytree(made_once, tmp_path / "bundles")
    return Store(Path("bundles"), *sorted(Path("bundles/small").iterdir()))
