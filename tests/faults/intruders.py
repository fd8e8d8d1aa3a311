"""Engines, and tests, that write where they should not."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.laboratory import FAKES, Laboratory, Row, Said

ENGINE_FAILED, IO, DAMAGED, BLOCKED = 2, 5, 6, 8
REACHES = ("other-image", "input", "other-folder", "delete", "file-to-folder", "folder-to-link", "link")
OWN = {("reference", "other-image"), ("reference", "delete"), ("reference", "file-to-folder"),
       ("subject", "other-folder"), ("subject", "delete"), ("subject", "file-to-folder")}
"""What is the engine's own, or not there yet: the subject runs first, when the reference has neither log nor image."""


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    yield _into_the_other(lab, REACHES[:2] if short else REACHES)
    yield _own_log_removed(lab)
    yield _own_image_made_the_others(lab)
    yield _into_a_published_bundle(lab)
    yield _after_its_end(lab, 2 if short else 10)
    yield _protected(lab)


def _reach(lab: Laboratory, role: str, reach: str, *more: str) -> tuple[Laboratory, Said]:
    other = lab.another("intruder")
    engines = {"reference": "good", "subject": "twin", role: "trespass"}
    option = {"reference": "--c-args", "subject": "--py-args"}[role]
    return other, other.run(engines["reference"], engines["subject"], option, " ".join(("-reach", reach, *more)))


def _into_the_other(lab: Laboratory, reaches: tuple[str, ...]) -> Row:
    codes, good = [], True
    for role in ("reference", "subject"):
        for reach in reaches:
            if (role, reach) in OWN:
                continue
            other, said = _reach(lab, role, reach)
            codes.append(said.code)
            good &= said.code == ENGINE_FAILED and "wrote outside its own folder" in said.out and other.all_whole()
    return Row("an engine that writes into the other's folder, inputs, logs or image", len(codes),
               "the engine has failed; what it touched is put right and what it added is kept aside", good,
               tuple(codes))


def _own_log_removed(lab: Laboratory) -> Row:
    codes, good = [], True
    for reach in ("delete-own", "file-to-folder-own"):
        other, said = _reach(lab, "reference", reach)
        codes.append(said.code)
        good &= said.code == IO and "c_cli_stdout.txt" in said.err and len(other.stamps()) == len(lab.stamps())
    return Row("an engine that removes or replaces its own log while it is written", len(codes),
               "the run ends with an error that names the log; nothing is published", good, tuple(codes))


def _own_image_made_the_others(lab: Laboratory) -> Row:
    """Twice too bright, and it makes the reference's image so too: compared, they would be equal."""
    other, said = _reach(lab, "subject", "other-image", "-double")
    good = said.code == ENGINE_FAILED and other.all_whole()
    return Row("an engine that makes the other's image agree with its own wrong one", 1, "the engine has failed", good,
               (said.code,))


def _into_a_published_bundle(lab: Laboratory) -> Row:
    lab.bundle()
    other, _run = _reach(lab, "subject", "published")
    old, new = other.stamps()
    said = other.verify(old)
    good = said.code == DAMAGED and "changed: inputs/env.txt" in said.out and other.verify(new).code == 0
    return Row("an engine that writes into a bundle published before", 1, "verify names the file", good, (said.code,))


def _after_its_end(lab: Laboratory, count: int) -> Row:
    """A process left behind that waits for its engine's image to be kept and then changes it, sooner or later."""
    codes, good = [], True
    for delay in range(count):
        other, said = _reach(lab, "subject", "later", f"-delay {delay * 40}")
        codes.append(said.code)
        if said.code in (IO, DAMAGED):
            good &= len(other.stamps()) == len(lab.stamps())
        else:
            now = other.verify()
            good &= said.code == ENGINE_FAILED and "left processes running" in said.out and now.code == 0
    return Row("an engine that leaves a process behind, which changes its image later", count,
               "the process is ended and the engine has failed", good, tuple(codes))


def _protected(lab: Laboratory) -> Row:
    other = lab.another("intruder")
    (other.folder / "asset.txt").write_text("before\n")
    (other.folder / "test_mapped.py").write_text(
        "from pathlib import Path\n\ndef test_it():\n    Path(__file__).with_name('asset.txt').write_text('after')\n")
    case = other.folder / "small.yaml"
    case.write_text(case.read_text() + f"protected: [asset.txt]\ntests: [{other.folder}/test_mapped.py]\n")
    said = other.call("run", case.name, "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "twin.py", "-q")
    good = said.code == BLOCKED and "the protected file asset.txt changed" in said.out and other.all_whole()
    return Row("a test that changes a protected file", 1, "the run is blocked", good, (said.code,))
