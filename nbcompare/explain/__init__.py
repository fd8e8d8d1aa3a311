"""Why two images differ, shown by running engines."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.explain.audit.audit import Audit, AuditOptions
    from nbcompare.explain.diagnose.cause import Cause, Diagnosis
    from nbcompare.explain.diagnose.causes import CATALOGUE
    from nbcompare.explain.diagnose.diagnose import DiagnosisOptions
    from nbcompare.explain.experiment import Experiment, ExperimentSource
    from nbcompare.explain.reduce.reduce import reduce_experiment
    from nbcompare.explain.trace.pixel import Pixel, trace_pixel
else:
    __getattr__ = door(__name__, {"audit.audit": "Audit AuditOptions",
                                  "diagnose.cause": "Cause Diagnosis", "diagnose.causes": "CATALOGUE",
                                  "diagnose.diagnose": "DiagnosisOptions",
                                  "experiment": "Experiment ExperimentSource", "reduce.reduce": "reduce_experiment",
                                  "trace.pixel": "Pixel trace_pixel"})

__all__ = ["CATALOGUE", "Audit", "AuditOptions", "Cause", "Diagnosis", "DiagnosisOptions", "Experiment",
           "ExperimentSource", "Pixel", "reduce_experiment", "trace_pixel"]
