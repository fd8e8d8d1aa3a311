"""Start a program, and trust nothing it says."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.engine.choose import choose_engines, engines_of, reference_engine, subject_engine
    from nbcompare.engine.engine import Engine, Run
    from nbcompare.engine.identity import EngineIdentity, identify
    from nbcompare.engine.progress import Progress
    from nbcompare.engine.rendering.renderer import Renderer
    from nbcompare.engine.rendering.runs import Job, jobs_of
else:
    __getattr__ = door(__name__, {"choose": "choose_engines engines_of reference_engine subject_engine",
                                  "engine": "Engine Run",
                                  "identity": "EngineIdentity identify", "progress": "Progress",
                                  "rendering.renderer": "Renderer", "rendering.runs": "Job jobs_of"})

__all__ = ["Engine", "EngineIdentity", "Job", "Progress", "Renderer", "Run", "choose_engines", "engines_of", "identify",
           "jobs_of", "reference_engine", "subject_engine"]
