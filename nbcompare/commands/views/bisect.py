"""What a person reads of a bisection: the commit, the figures before and after it, and why the image changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from nbcompare.commands.views.diagnosis import diagnosis_report
from nbcompare.commands.views.terminal import line, shown, table, whole
from nbcompare.engine.repository.revisions import Commit
from nbcompare.errors import to_type
from nbcompare.explain.diagnose.cause import Diagnosis
from nbcompare.run.bisect.bisect import Bisection
from nbcompare.run.bisect.finding import StepFigure, figures_of_step
from nbcompare.visible import counted

_MOST_SHOWN = 12


def bisection_report(found: Bisection, why: Diagnosis | str) -> str:
    """The whole text; the first line names the commit, or says that it cannot be told."""
    lines = _found(found) if found.first else _not_told(found)
    lines += [line("flaky", f"{commit}: judged both ways, so it says nothing") for commit in found.flaky]
    for note in found.notes:
        lines += whole("note", note)
    if found.first:
        lines += ["  " + row for row in table(("region", "metric", "before", "after", "allowed", ""),
                                              [_row(figure) for figure in figures_of_step(found)])]
        lines += _why(found, why)
    lines.append(line("judged", _counted(found)))
    after = found.bundles.get(found.first.sha) if found.first else None
    if after:
        lines.append(line("next", to_type("nb-compare", "show", shown(after.folder))))
    return "\n".join(lines)


def _found(found: Bisection) -> list[str]:
    first = found.first
    assert first is not None
    lines = [f"{click.style('FOUND', fg='green', bold=True)}  {found.case}  {first}",
             line("commit", first.sha), line("by", f"{first.author}, {first.date}")]
    for name, commit in (("before", found.before), ("after", first)):
        bundle = found.bundles.get(commit.sha)
        said = f"{bundle.verdict.word}  {shown(bundle.folder)}" if bundle else "nothing to run"
        lines.append(line(name, f"{commit.sha[:12]}  {said}"))
    return lines


def _not_told(found: Bisection) -> list[str]:
    lines = [f"{click.style('NOT FOUND', fg='red', bold=True)}  {found.case}  it is one of {len(found.perhaps)} "
             "commits, and all but the last cannot be judged", line("good", str(found.before))]
    lines += [line("perhaps", str(commit)) for commit in found.perhaps[:_MOST_SHOWN]]
    why = {trial.sha: f"{trial.word}, {trial.why}" for trial in found.trials}
    skipped = next((commit for commit in found.perhaps if commit.sha in why), None)
    return [*lines, *([line("why", f"{skipped.sha[:12]}: {why[skipped.sha]}")] if skipped else [])]


def _row(figure: StepFigure) -> tuple[str, ...]:
    return (figure.region, figure.metric, _value(figure.before), _value(figure.after), figure.allowed,
            "ok" if figure.holds else "NO")


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"


def _why(found: Bisection, why: Diagnosis | str) -> list[str]:
    if isinstance(why, str):
        return whole("why", why)
    said = f"the {found.side}'s image of before (as the reference) and after (as the subject):"
    return [line("why", said), *("  " + row for row in diagnosis_report(why).splitlines())]


def _counted(found: Bisection) -> str:
    counts = Counter(trial.outcome for trial in found.trials)
    stored = sum(trial.stored for trial in found.trials)
    said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    commits = len({trial.sha for trial in found.trials})
    return (f"{commits} of {counted(found.count + 1, 'commit')} in {counted(len(found.trials), 'step')} ({said}; "
            f"{stored} from stored bundles)")


def bisection_as_dict(found: Bisection, why: Diagnosis | str) -> dict[str, Any]:
    """The same as plain values."""
    return {"schema_version": 1, "kind": "nb-compare bisect", "case": found.case, "side": found.side,
            "first": _commit(found.first), "before": _commit(found.before),
            "perhaps": [_commit(commit) for commit in found.perhaps],
            "flaky": [_commit(commit) for commit in found.flaky], "notes": list(found.notes),
            "figures": [vars(figure) for figure in figures_of_step(found)] if found.first else [],
            "diagnosis": why.as_dict() if isinstance(why, Diagnosis) else None,
            "why": why if isinstance(why, str) else None,
            "trials": [vars(trial) for trial in found.trials], "commits": found.count}


def _commit(commit: Commit | None) -> dict[str, str] | None:
    return dict(vars(commit)) if commit else None
