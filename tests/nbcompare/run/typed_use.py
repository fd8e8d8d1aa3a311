"""A user's own script with every public name. `make check` has mypy --strict read it, as a user's would by py.typed."""
from pathlib import Path

import numpy as np

import nbcompare
from nbcompare import (
    Bundle,
    Case,
    Comparison,
    NbCompareError,
    Roi,
    Shape,
    Threshold,
    Verdict,
    WeakThresholds,
    compare_images,
    diagnose,
    judge,
    load_case,
    open_bundle,
    run_case,
)


def port(scale: float) -> np.ndarray:
    return scale * np.arange(1.0, 101).reshape(10, 10)


def judged() -> Verdict:
    rois: list[Roi] = [Roi("full", 0, 9, 0, 9, weak_allowed="small")]
    comparison: Comparison = compare_images(port(1), port(2), rois, figures=[("max_ulps", "full")])
    limits = (Threshold("sum_ratio", "full", 0.99, 1.01, "same scale") for _ in range(1))
    value: float | None = comparison.figure("sum_ratio", "full").value
    shape: Shape = comparison.shape
    print(value, shape.slow, issubclass(WeakThresholds, UserWarning))
    return judge(comparison, limits)


def ran(path: Path) -> str:
    try:
        case: Case = load_case(path)
        bundle: Bundle = run_case(case, reference="ref", subject=Path("port"), inputs={"A.mat": "B.mat"}, bundles="b")
        again = open_bundle(bundle.folder, verify=False)
        causes = diagnose(port(1), port(2), ["-lambda", "1"], inputs=".", budget_s=1.0)
        word: str = bundle.verdict.word
        return word + again.record.name + str(causes[0].sentence)
    except NbCompareError as fault:
        return fault.message + (fault.hint or "") + str(int(fault.exit_code))


def refused_by_the_type_checker() -> None:
    """Each line is an error for mypy --strict, which complains of an `ignore` that is none."""
    judge(compare_images(port(1), port(2)), 3)  # type: ignore[arg-type]
    compare_images(port(1), port(2), Roi("full", 0, 9, 0, 9))  # type: ignore[arg-type]
    run_case(Path("case.yaml"), subject=["python", "-m", "myport"])  # type: ignore[arg-type]
    nbcompare.load_case(None)  # type: ignore[arg-type]
