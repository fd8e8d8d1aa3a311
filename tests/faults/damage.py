"""Faults of a bundle that lies there: bytes flipped, files lost, added or replaced, records forged."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.laboratory import Laboratory, Row, Said, put_sums_right, rewrite, row_of

DAMAGED = 6
CLASSES = {
    "a float image": r"inputs/.*_float\.bin",
    "an input file": r"inputs/data/.*",
    "a text of the record (commands, sums, environment)": r"inputs/[^/]*\.txt|notes/.*",
    "the case file": r"inputs/case\.yaml",
    "a log of an engine or of the tests": r"inputs/.*_std(out|err)\.txt|tests/.*",
    "a picture": r"results/.*\.png",
    "the summary and other results": r"results/.*\.json",
    "the record": r"record\.json",
    "the manifest": r"manifest-sha256\.txt",
}
"""Every file of a bundle belongs to one of these."""


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    lab.bundle()
    assert lab.call("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person").code == 0
    yield from _flips(lab, short)
    yield from _files(lab, short)
    yield from _truncations(lab, short)
    yield from _forgeries(lab)


def _trial(lab: Laboratory, harm: Callable[[Path], None]) -> Said:
    """Harm a copy of the bundle; the answer of verify, which the gate must share."""
    other = lab.another("trial")
    folder = other.stamps()[-1]
    harm(folder)
    return other.verify(folder)


def _noticed(said: Said) -> bool:
    return said.code == DAMAGED


# --- bytes ------------------------------------------------------------------------------------------------


def _flips(lab: Laboratory, short: bool) -> Iterator[Row]:
    folder = lab.stamps()[-1]
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    by_class = {what: [name for name in names if re.fullmatch(pattern, name)] for what, pattern in CLASSES.items()}
    assert set(names) == {name for found in by_class.values() for name in found}
    for what, found in by_class.items():
        trials = [_trial(lab, lambda copy, name=name, at=at: _flip(copy / name, at))
                  for name in (found[:1] if short else found) for at in _places(folder / name, short)]
        yield row_of(f"one bit flipped in {what}", trials, "verify names the file", _noticed)


def _places(path: Path, short: bool) -> list[int]:
    """Bytes to flip: first, last, and some between; of the manifest one of each kind of character."""
    size = path.stat().st_size
    if size == 0:
        return [0]
    if short:
        return [size // 2]
    return sorted({0, 1, 63, 64, 65, 66, size // 3, size // 2, size - 2, size - 1} & {*range(size)})


def _flip(path: Path, at: int) -> None:
    """Flip the lowest bit of a byte; an empty file gets a byte."""
    content = bytearray(path.read_bytes() or b"\0")
    content[at] ^= 1
    rewrite(path, bytes(content))


# --- files --------------------------------------------------------------------------------------------------


def _files(lab: Laboratory, short: bool) -> Iterator[Row]:
    folder = lab.stamps()[-1]
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    some = names[::12] if short else names
    for fault, harm, happened in (
        ("a file removed", lambda path: path.unlink(), "verify names the missing file"),
        ("a file renamed", lambda path: path.rename(path.with_name(f"old-{path.name}")), "verify names both"),
        ("a file replaced by a link to a copy of itself", _to_link, "verify names the link and does not follow it"),
        ("a file replaced by a folder", _to_folder, "verify names it"),
        ("a file replaced by a pipe", _to_pipe, "verify names it and does not wait for it"),
    ):
        trials = [_trial(lab, lambda copy, name=name, harm=harm: harm(copy / name)) for name in some]
        yield row_of(fault, trials, happened, _noticed)
    added = ("added.txt", ".hidden", "inputs/data/extra.mat", "results/c2.png", "new/folder/file", "tests/a\nb")
    added = added[-1:] if short else added
    yield row_of("a file added", [_trial(lab, lambda copy, name=name: _add(copy / name)) for name in added],
                 "verify names the unexpected file", _noticed)
    yield row_of("an empty folder added", [_trial(lab, lambda copy: (copy / "empty").mkdir())],
                 "verify names it", _noticed)
    yield _renamed_bundle(lab)
    yield _linked_bundle(lab)


def _to_link(path: Path) -> None:
    home = next(folder for folder in path.absolute().parents if folder.name == "bundles")
    outside = home.with_name(f"copy-of-{path.name}")
    shutil.copy(path, outside)
    path.unlink()
    path.symlink_to(outside)


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def _renamed_bundle(lab: Laboratory) -> Row:
    other = lab.another("trial")
    target = other.home / "20010101T000000Z"
    other.stamps()[-1].rename(target)
    return row_of("a whole bundle given another stamp", [other.verify(target), other.gate("N1")],
                  "verify and gate name the disagreement with the record", _noticed)


def _linked_bundle(lab: Laboratory) -> Row:
    other = lab.another("trial")
    folder = other.stamps()[-1]
    elsewhere = other.folder / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    return row_of("a whole bundle replaced by a link", [other.gate("N1")], "gate names the link", _noticed)


# --- truncated and forged ---------------------------------------------------------------------------------


def _truncations(lab: Laboratory, short: bool) -> Iterator[Row]:
    for name in ("record.json", "results/summary.json"):
        size = (lab.stamps()[-1] / name).stat().st_size
        cuts = sorted({0, 1, size // 4, size // 2, size - 2, size - 1})[-1 if short else 0:]

        def harm(copy: Path, at: int, name: str = name) -> None:
            rewrite(copy / name, (copy / name).read_bytes()[:at])
            put_sums_right(copy)

        yield row_of(f"{name} truncated, its sum put right",
                     [_trial(lab, lambda copy, at=at, harm=harm: harm(copy, at)) for at in cuts],
                     "verify says that it is damaged", _noticed)


def _forgeries(lab: Laboratory) -> Iterator[Row]:
    """Edits by somebody who knows the format; the bundle is one that FAILED and is to look like a PASS."""
    failed = lab.another("failed")
    shutil.rmtree(failed.folder / "bundles")
    assert failed.run("good", "bright").code == 3
    edits = (_pass_the_verdict, _pass_verdict_and_figures, _loosen_the_threshold, _swap_the_images, _other_engine,
             _other_commit, _no_failed_test)
    yield row_of("the record of a failed run edited to a pass, all sums put right",
                 [_trial(failed, lambda copy, edit=edit: _forge(copy, edit)) for edit in edits],
                 "verify compares the images and texts again and contradicts the record", _noticed)
    for fault, text in (("a key twice", '{"a": 1, "a": 2}\n'), ("nested 100,000 deep", "[" * 100_000),
                        ("NaN", '{"schema_version": NaN}\n')):
        yield row_of(f"a record with {fault}, its sum put right",
                     [_trial(lab, lambda copy, text=text: _replace_record(copy, text))], "verify refuses it", _noticed)
    yield _forged_after_signing(lab)


def _forge(folder: Path, edit: Callable[[dict, Path], None]) -> None:
    record = json.loads((folder / "record.json").read_text())
    edit(record, folder)
    _replace_record(folder, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _replace_record(folder: Path, text: str) -> None:
    rewrite(folder / "record.json", text.encode())
    put_sums_right(folder)


def _pass_the_verdict(record: dict, folder: Path) -> None:
    record["verdict"].update(word="PASS", exit_code=0, reasons=[])


def _pass_verdict_and_figures(record: dict, folder: Path) -> None:
    _pass_the_verdict(record, folder)
    for check in record["verdict"]["checks"]:
        check.update(holds=True, value=1.0)
    for region in record["comparison"]["regions"]:
        for figure in region["figures"]:
            if figure["metric"] == "sum_ratio":
                figure["value"] = 1.0


def _loosen_the_threshold(record: dict, folder: Path) -> None:
    _pass_the_verdict(record, folder)
    thresholds = [*record["case"]["thresholds"], *(check["threshold"] for check in record["verdict"]["checks"])]
    for threshold in thresholds:
        threshold.update(min=None, max=1e9)
    for check in record["verdict"]["checks"]:
        check["holds"] = True


def _swap_the_images(record: dict, folder: Path) -> None:
    """The reference's image put in the place of the subject's."""
    _pass_verdict_and_figures(record, folder)
    rewrite(folder / "inputs/py_roi_float.bin", (folder / "inputs/c_roi_float.bin").read_bytes())
    record["runs"][1]["image_sha256"] = record["runs"][0]["image_sha256"]


def _other_engine(record: dict, folder: Path) -> None:
    record["engines"][0]["program_sha256"] = "0" * 64


def _other_commit(record: dict, folder: Path) -> None:
    record["git"].update(sha="0" * 40, dirty=None)


def _no_failed_test(record: dict, folder: Path) -> None:
    record["tests"]["cpu"].update(nodes=["tests/test_a.py"], exit_code=0, summary="9 passed", failure=None)


def _forged_after_signing(lab: Laboratory) -> Row:
    """Every byte of the bundle made anew, in perfect order, under the stamp that was signed."""
    other = lab.another("trial")
    folder = other.stamps()[-1]
    log = folder / "inputs/c_cli_stdout.txt"
    rewrite(log, log.read_bytes() + b"other words\n")
    put_sums_right(folder)
    assert other.verify(folder).code == 0
    return row_of("a signed bundle replaced by another that is whole in itself", [other.gate("N2")],
                  "the gate names the bundle that was signed", _noticed)
