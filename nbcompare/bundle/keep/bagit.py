"""BagIt 1.0 (RFC 8493): a bundle in the form that archives exchange and check.

The payload, data/, is the bundle as it is, with its own manifest; around it stand the four text files of the
standard. Written with the standard library; what is read is checked in full before it is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbcompare import __version__
from nbcompare.bundle.manifest import read_manifest_lines, read_text
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.record import Record
from nbcompare.errors import FileError
from nbcompare.files import sha256_of

DECLARATION = "bagit.txt"
PAYLOAD = "data"
_DECLARED = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_TAG_MANIFEST = "tagmanifest-sha256.txt"
_INFO = "bag-info.txt"


def write_tag_files(bag: Path, record: Record) -> None:
    """The files around the payload, which must be there already; ``bag`` is the folder that holds data/."""
    payload = sorted(path for path in (bag / PAYLOAD).rglob("*") if path.is_file())
    sizes = [path.stat().st_size for path in payload]
    _write(bag / DECLARATION, _DECLARED)
    _write(bag / _INFO, "".join(f"{label}: {value}\n" for label, value in _info(record, sizes).items()))
    _write(bag / MANIFEST, "".join(f"{sha256_of(path)}  {_encoded(path.relative_to(bag))}\n" for path in payload))
    _write(bag / _TAG_MANIFEST, "".join(f"{sha256_of(bag / name)}  {name}\n"
                                        for name in (_INFO, DECLARATION, MANIFEST)))


def _info(record: Record, sizes: list[int]) -> Mapping[str, str]:
    return {
        "Bag-Software-Agent": f"nb-compare {__version__}",
        "Bagging-Date": record.created_utc[:10],
        "External-Description": f"nb-compare bundle of case {record.case.name}, stamp {record.stamp}",
        "External-Identifier": record.name,
        "Payload-Oxum": f"{sum(sizes)}.{len(sizes)}",
    }


def bag_faults(bag: Path) -> list[str]:
    """Everything by which a folder is not a valid bag: declaration, completeness and sums of payload and tag files."""
    faults = []
    try:
        if read_text(bag / DECLARATION).split() != _DECLARED.split():
            faults.append(f"{DECLARATION} does not declare BagIt 1.0 in UTF-8")
    except FileError as fault:
        faults.append(f"{DECLARATION}: {fault.message}")
    present = {path.relative_to(bag).as_posix() for path in (bag / PAYLOAD).rglob("*") if path.is_file()}
    for manifest, must_list in ((MANIFEST, present), (_TAG_MANIFEST, {DECLARATION, _INFO, MANIFEST})):
        faults += _manifest_faults(bag, manifest, must_list)
    return faults


def _manifest_faults(bag: Path, manifest: str, must_list: set[str]) -> list[str]:
    try:
        listed, wrong = read_manifest_lines(read_text(bag / manifest), manifest)
    except FileError as fault:
        return [f"{manifest}: {fault.message}"]
    faults = [str(fault) for fault in wrong]
    listed = {_decoded(name): digest for name, digest in listed.items()}
    faults += [f"{name} is not listed in {manifest}" for name in sorted(must_list - listed.keys())]
    for name, digest in listed.items():
        if not (bag / name).is_file():
            faults.append(f"{name} is listed in {manifest} and missing")
        elif sha256_of(bag / name) != digest:
            faults.append(f"{name} is not what {manifest} says")
    return faults


def _encoded(path: Path) -> str:
    """A name as a bag's manifest writes it: the standard escapes %, CR and LF."""
    return path.as_posix().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _decoded(name: str) -> str:
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
