"""summary.json: one comparison on one page, for machines; the same in a bundle and for a one-shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.compare import Comparison
from nbcompare.compare.pictures import Scale
from nbcompare.engine.engine import Run
from nbcompare.verdict.divergence import proof_rows, traced_of
from nbcompare.verdict.further_evidence import FurtherEvidence
from nbcompare.verdict.verdict import Verdict

SCHEMA_VERSION = 1
_FIGURES = ("correlation", "mse", "rmse", "max_abs_diff", "sum_ratio", "max_intensity_delta", "scale_factor",
            "residual_after_scale")


def summary(args: Sequence[str], runs: Sequence[Run], binaries: Mapping[str, str], comparison: Comparison | None,
            verdict: Verdict, scale: Scale | None, further: FurtherEvidence | None = None, *,
            resample: bool = False, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The summary as plain values. The figures at the top are those of the first region; null is undefined."""
    by_role = {run.role: run for run in runs}
    first = comparison.regions[0] if comparison else None
    milliseconds = {role: 1000 * by_role[role].seconds if role in by_role else None for role in (REFERENCE, SUBJECT)}
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": str(verdict.word),
        "exit_code": int(verdict.exit_code),
        "reasons": list(verdict.reasons),
        "args": list(args),
        "binaries": dict(binaries),
        "roi": list(first.roi.bounds) if first else None,
        "resample": resample,
        "runtime_c_ms": milliseconds[REFERENCE],
        "runtime_py_ms": milliseconds[SUBJECT],
        **{name: first.figure(name).value if first else None for name in _FIGURES},
        "sum_c": first.reference_sum if first else None,
        "sum_py": first.subject_sum if first else None,
        "thresholds": [{**vars(check.threshold), "value": check.value, "holds": check.holds,
                        "undefined": check.undefined, "noise": check.noise} for check in verdict.checks],
        "regions": comparison.as_dict()["regions"] if comparison else [],
        "peaks": comparison.peaks.as_dict() if comparison else None,
        "notes": [*notes, *(comparison.notes if comparison else ())],
        **_found(further or FurtherEvidence(), verdict),
        "png_scale_method": scale.method if scale else None,
        "png_scale_percentile": scale.percentile if scale else None,
    }


def _found(further: FurtherEvidence, verdict: Verdict) -> dict[str, Any]:
    """What was found out beside the figures: noise, cause, probed arguments, and each claim from plain to emulated."""
    noise, ablation, proof = further.noise, further.ablation, further.proof
    return {
        "noise_floor": {"deterministic": noise.deterministic, "sentence": noise.sentence} if noise else None,
        "vacuous": list(further.vacuous),
        "probed_arguments": ablation.as_dict()["arguments"] if ablation else None,
        "divergences": [claim.as_dict() for claim in proof.claims] if proof else [],
        "proof": proof_rows(verdict, proof) if proof else [],
        **({"traced": [{"sentence": said, **{key: value for key, value in trace.as_dict().items() if key != "runs"}}
                       for said, trace in zip(traced_of(proof), proof.traces, strict=True)]}
           if proof and proof.traces else {}),
        "cause": further.cause,
    }
