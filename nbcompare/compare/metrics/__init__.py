"""The registry of comparison metrics: small pure functions of one region of two images.

The reference image is x, the subject y; both are taken to float64 before anything is summed. A
metric either has a value or is *undefined*, with a reason: a constant image has no correlation, a
region without signal has nothing to compare. Undefined is never turned into a number.

To add a metric, write a function of a RegionPair in the module of its kind, give it an entry with
``@metric``, and add its name to case_schema.json; docs/metrics.md is made from the registry.
"""

from nbcompare.compare.metrics import (  # noqa: F401 (they fill the registry)
    distribution,
    peakwise,
    plain,
    shells,
    similarity,
    tolerance,
)
from nbcompare.compare.metrics.region import SIGNAL_FLOOR, RegionPair
from nbcompare.compare.metrics.registry import (
    METRICS,
    Metric,
    Undefined,
    called,
    default_metrics,
    evaluate,
    metrics_table,
)

__all__ = ["METRICS", "SIGNAL_FLOOR", "Metric", "RegionPair", "Undefined", "called", "default_metrics",
           "evaluate", "metrics_table"]
