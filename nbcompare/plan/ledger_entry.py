"""An attempt: a bundle entered into a ledger and, when asked, a row of a plan moved on, each file replaced at once.

A row becomes [P] with the first attempt and [D] when the phase of that name is signed off on this very
bundle; a later attempt that is not signed off puts it back to [P]. Of a bundle whose images were left uncompared, the
row that a verdict was required for enters a second attempt: what its gate judged.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle.check.verify import verified
from nbcompare.bundle.lock import lock
from nbcompare.bundle.names import COMMANDS, CUDA, MANIFEST, SUMS, tests_log
from nbcompare.bundle.record import HARNESS_ROLE, PROJECT, Record
from nbcompare.bundle.signoffs import names_bundle, newest, read
from nbcompare.bundle.text_files import not_run
from nbcompare.case.phases import load_phases
from nbcompare.errors import FileError, NbCompareError
from nbcompare.files import sha256_of
from nbcompare.plan.binding import fault_of
from nbcompare.plan.gate import Gate, look_at
from nbcompare.plan.ledger import Edit, add_attempt, row_state, set_row
from nbcompare.visible import counted, visible


@dataclass(frozen=True)
class LedgerEntry:
    """What an attempt did to its files, by path, in the order in which they were edited."""

    edits: dict[Path, Edit]
    said: tuple[str, ...]

    @property
    def diff(self) -> str:
        """All changes as one unified diff."""
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
                       for path, edit in self.edits.items()
                       for line in difflib.unified_diff(edit.before.splitlines(keepends=True),
                                                        edit.after.splitlines(keepends=True), str(path), str(path)))


def enter(folder: Path, ledger: Path, *, plan: Path | None = None, row: str | None = None,
          phases: Path | None = None, signers: Path | None = None, dry_run: bool = False) -> LedgerEntry:
    """Enter the bundle in ``folder`` into the ledger, and set the row of the plan; twice is the same as once.

    Whether the row is done is asked of the gate of the phase of that name in the file ``phases``.

    Raises EvidenceError for a damaged bundle, FileError for a file that cannot be read or replaced, and
    UsageError for a ledger or plan in which the place cannot be told.
    """
    record = verified(folder).record
    with ExitStack() as stack:
        for home in sorted({path.resolve().parent for path in (ledger, plan) if path}):
            if not dry_run:
                _hold(stack, home)
        attempt = _edits(folder, record, ledger, plan, row, phases, signers)
        if not dry_run:
            _write({path: edit for path, edit in attempt.edits.items() if edit.changes})
    return attempt


def _hold(stack: ExitStack, home: Path) -> None:
    """Wait for another attempt that edits files of the same folder."""
    try:
        handle = lock(home, wait=True)
    except OSError as fault:
        raise FileError(f"{home}: {fault.strerror}") from None
    if handle is not None:
        stack.callback(os.close, handle)


def _edits(folder: Path, record: Record, ledger: Path, plan: Path | None, row: str | None, phases: Path | None,
           signers: Path | None) -> LedgerEntry:
    name, digest = record.name, sha256_of(folder / MANIFEST)
    text = _read(ledger)
    body = [visible(line) for line in _body(folder, record, ledger)]
    entered = add_attempt(text, record.case.name, name, digest, body, visible(_headline(record)))
    edits, said = {ledger.resolve(): entered}, [entered.said]
    if plan and row:
        path = plan.resolve()
        why_not, gate = _not_done(folder.absolute().parent.parent, row, name, digest, phases, signers)
        if why_not is None and gate and record.uncompared:
            later = _compared_later(entered.after, record, gate, row, digest, folder, ledger)
            edits[ledger.resolve()] = Edit(text, later.after, entered.said)
            said += [later.said] if later.said else []
        before = edits[path].after if path in edits else _read(plan)
        wanted = _next_state(row_state(before, row), why_not is None, is_new=entered.changes)
        moved = set_row(before, row, wanted)
        edits[path] = Edit(edits[path].before if path in edits else before, moved.after, moved.said)
        said += [moved.said, *([f"row {row} is not done: {why_not}"] if why_not else [])]
    return LedgerEntry(edits, tuple(said))


def _next_state(now: str, signed: bool, *, is_new: bool) -> str:
    if signed:
        return "D"
    return "P" if is_new or now == " " else now


def _compared_later(text: str, record: Record, gate: Gate, row: str, digest: str, folder: Path,
                    ledger: Path) -> Edit:
    """The ledger with what the gate of a row found in images that the run left uncompared, as an attempt of its own;
    unchanged where that row asks for no verdict, or has it entered already."""
    evidence = next((entry for entry in gate.evidence if entry.name == record.name), None)
    if evidence is None or evidence.verdict is None or not gate.phase.requires.verdict:
        return Edit(text, text, "")
    verdict = evidence.verdict
    body = [f"- verdict: {verdict.word} (exit code {int(verdict.exit_code)}), judged for {row} from the images of "
            f"{record.name}, which its run left uncompared; no engine ran again",
            *(f"- why: {_plain(reason)}" for reason in verdict.reasons),
            *(f"- traced, {_plain(said)}" for said in evidence.traced),
            *(f"- figure: {_plain(check.sentence)}; {'holds' if check.holds else 'does not hold'}"
              for check in verdict.checks),
            "- evidence: " + ", ".join(_link(folder / name, ledger) for name in (COMMANDS, SUMS))]
    headline = f"{verdict.word}, {record.case.name} {record.stamp}, compared for {row}"
    return add_attempt(text, record.case.name, f"{record.name}:{quote(row, safe='')}", digest,
                       [visible(line) for line in body], visible(headline))


def _not_done(bundles: Path, row: str, name: str, digest: str, phases: Path | None,
              signers: Path | None) -> tuple[str | None, Gate | None]:
    """Why a row is not done on this bundle, in words, None when its gate is green and its newest sign-off holds; and
    that gate, where it was looked into."""
    path = newest(bundles, row)
    if path is None:
        return "it is not signed off", None
    if phases is None or not phases.is_file():
        return f"there is no plan of phases {phases} to ask (--phases)", None
    try:
        gate = look_at(load_phases(phases), row, bundles, signers=signers)
        signers, signoff = signers or gate.phases.signers, read(path)
        red = next((item for item in gate.items if not item.holds), None)
        if not gate.green:
            return f"its gate is red: {f'{red.requirement}, {red.why}' if red else 'it requires nothing'}", gate
        fault = fault_of(signoff, gate.phases, gate.phase, gate.evidence)
        if fault is None and not names_bundle(signoff, name, digest):
            fault = f"it does not speak of {name}"
        if fault is None and ssh.verified(path, signers, signoff.by if signers else None) is None and signers:
            fault = f"it has no signature, and {signers.name} asks for one"
        return f"{path.name}: {fault}" if fault else None, gate
    except NbCompareError as fault:
        return fault.message, None


# --- what an entry says ---------------------------------------------------------------------------------


def _headline(record: Record) -> str:
    return f"{record.verdict.word}, {record.case.name} {record.stamp}"


def _body(folder: Path, record: Record, ledger: Path) -> Iterator[str]:
    """The lines of an entry; every number is taken from the record."""
    verdict = record.verdict
    yield f"- verdict: {verdict.word} (exit code {int(verdict.exit_code)})"
    for reason in verdict.reasons:
        yield f"- why: {_plain(reason)}"
    for check in verdict.checks:
        yield f"- figure: {_plain(check.sentence)}; {'holds' if check.holds else 'does not hold'}"
    for signature in _signatures(record):
        yield f"- failure signature: {_plain(signature)}"
    for device, outcome in record.tests.items():
        yield f"- pytest ({device}): {_plain(outcome.failure or outcome.summary)}"
    yield f"- CUDA: {_cuda(folder, record, ledger)}"
    for run in record.runs:
        yield f"- float sha256 ({run.role}): {run.image_sha256 or 'no image'}"
    cited = [_plain(str(name)) for name in _claims(record)]
    yield f"- claims cited: {', '.join(cited) or 'none'}"
    for claim in record.case.divergences:
        yield f"- claim {_plain(claim.id)}: {_plain(claim.why)} (see {_plain(claim.reference)})"
    dirty = {True: " with uncommitted changes", False: "", None: ", cleanliness unknown"}[record.git.dirty]
    yield f"- commit: {record.git.sha}{dirty}"
    for role, state in (record.repositories or {}).items():
        if role not in (PROJECT, HARNESS_ROLE) and state.root:
            yield f"- commit of the {role}: {_plain(str(state))}"
    yield f"- environment: {_plain(_environment(record.environment))}"
    yield "- evidence: " + ", ".join(_link(folder / name, ledger) for name in (COMMANDS, SUMS))
    left = not_run(record)
    yield f"- not run: {_plain('; '.join(left)) if left else 'nothing was left out'}"


def _signatures(record: Record) -> Iterator[str]:
    """By what a failure is known again: its kind with its sentence, the first line of an error, the figures outside."""
    for run in record.runs:
        if run.failure:
            yield f"{run.role}: {run.failure.kind}: {run.failure.sentence}"
    for device, outcome in record.tests.items():
        if outcome.failure:
            yield f"pytest ({device}): {outcome.error_line or outcome.failure}"
    missed = [check.threshold for check in record.verdict.checks if not check.holds]
    outside = [f"{threshold.metric} on {threshold.roi}" for threshold in missed]
    if outside:
        yield f"outside: {', '.join(outside)}"


def _cuda(folder: Path, record: Record, ledger: Path) -> str:
    """Whether anything ran on CUDA, and the log that says so."""
    outcome, log = record.tests.get(CUDA), folder / tests_log(CUDA)
    link = f", {_link(log, ledger)}" if log.is_file() else ", no log"
    if outcome is None:
        return f"skipped{link}"
    return f"ran, {counted(outcome.on_device, 'test')} used the device{link}"


def _environment(facts: Mapping[str, str]) -> str:
    """The machine and the libraries that figures depend on."""
    names = ("cpu", "platform", "python", "numpy", "torch", "torch_device", "torch_dtype")
    return ", ".join(facts[name] if name in ("cpu", "platform") else f"{name} {facts[name]}"
                     for name in names if facts.get(name))


def _claims(record: Record) -> list[str]:
    """The names of the divergence claims that the case cites."""
    return [claim.id for claim in record.case.divergences]


def _plain(text: str) -> str:
    """A text on one line that starts no comment, so that it can be neither heading nor mark."""
    return " ".join(text.split()).replace("<!--", "<! --")


def _link(path: Path, ledger: Path) -> str:
    target = Path(os.path.relpath(path.absolute(), ledger.resolve().parent)).as_posix()
    return f"[{path.name}]({quote(target)})"


# --- files ----------------------------------------------------------------------------------------------


def _read(path: Path) -> str:
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a device may have no end
            raise FileError(f"{path}: not an ordinary file")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file", hint=f"make it first: touch {path}") from None
    except OSError as fault:
        raise FileError(f"{path}: cannot read: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise FileError(f"{path}: not UTF-8 text (byte {fault.start})") from None


def _write(edits: Mapping[Path, Edit]) -> None:
    """Write every new content beside its file first, and then put each in place."""
    drafts: dict[Path, Path] = {}
    try:
        for path, edit in edits.items():
            drafts[path] = _draft(path, edit)
        for path, edit in edits.items():
            _replace(path, edit, drafts[path])
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _draft(path: Path, edit: Edit) -> Path:
    """The new content in a hidden file beside the old one, flushed, with its permissions.

    Its name is always the same, as the folder is held by us alone; so what a killed program left is used again.
    """
    draft = path.with_name(f".{path.name}.nb-compare")
    try:
        draft.unlink(missing_ok=True)
        with open(draft, "xb") as stream:
            stream.write(edit.after.encode("utf-8"))
            stream.flush()
            os.fchmod(stream.fileno(), path.stat().st_mode & 0o7777)
            os.fsync(stream.fileno())
    except OSError as fault:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise FileError(f"{path}: cannot write beside it: {fault.strerror}") from None
    return draft


def _replace(path: Path, edit: Edit, draft: Path) -> None:
    """Put the draft in place, unless somebody changed the file meanwhile."""
    try:
        if _read(path) != edit.before:
            raise FileError(f"{path}: it was changed by somebody else just now; nothing was written to it",
                            hint="run the same command again")
        os.replace(draft, path)
    except OSError as fault:
        raise FileError(f"{path}: cannot replace: {fault.strerror}") from None
