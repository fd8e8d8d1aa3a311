"""One case, one command, many cases: from text to a published bundle."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.run.one_case import run_case
    from nbcompare.run.one_shot import run_one_shot
    from nbcompare.run.options import RunOptions
    from nbcompare.run.regeneration import regenerate
    from nbcompare.run.sweep.sweep import SweepOptions, run_sweep
else:
    __getattr__ = door(__name__, {"one_case": "run_case", "one_shot": "run_one_shot", "options": "RunOptions",
                                  "regeneration": "regenerate", "sweep.sweep": "SweepOptions run_sweep"})

__all__ = ["RunOptions", "SweepOptions", "regenerate", "run_case", "run_one_shot", "run_sweep"]
