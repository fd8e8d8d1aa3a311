"""A case that has no file, written as one: so that a bundle of a bare command line can be judged and run again."""

from __future__ import annotations

from typing import Any

import yaml

from nbcompare.case.case import Case
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi


def plain_case_text(case: Case) -> str:
    """The text of a case file that says of engines, images and limits what ``case`` says; its inputs lie beside it."""
    said: dict[str, Any] = {
        "name": case.name, "title": case.title, "command": list(case.command),
        "reference_args": list(case.reference_args), "subject_args": list(case.subject_args),
        "inputs": {entry.name: {"file": entry.file, "sha256": entry.sha256} for entry in case.inputs},
        "image": {"fast": case.shape.fast, "slow": case.shape.slow},
        "rois": {roi.name: _roi(roi, case) for roi in case.rois},
        "thresholds": [_threshold(threshold) for threshold in case.thresholds],
        "limits": dict(vars(case.limits)),
    }
    kept = {key: value for key, value in said.items() if value not in ([], {})}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)


def _roi(roi: Roi, case: Case) -> str | list[int]:
    return "full" if roi.bounds == Roi.full(case.shape).bounds else list(roi.bounds)


def _threshold(threshold: Threshold) -> dict[str, Any]:
    limits = {"min": threshold.min, "max": threshold.max}
    return {"metric": threshold.metric, "rois": [threshold.roi], **{key: float(value) for key, value in limits.items()
                                                                    if value is not None}, "why": threshold.why}
