"""One experiment as text, and what its words mean."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.case.arguments.command import Command, parse_command
    from nbcompare.case.arguments.options import REFERENCE, SUBJECT, Option, all_options
    from nbcompare.case.case import Case
    from nbcompare.case.case_file import load_case
    from nbcompare.case.cells import cells_of
    from nbcompare.case.claims import Claim
    from nbcompare.case.from_arguments import one_shot_case
    from nbcompare.case.inputs import StagedInput, stage_inputs
    from nbcompare.case.phases import Phases, load_phases
    from nbcompare.case.threshold import Threshold
else:
    __getattr__ = door(__name__, {"case": "Case", "cells": "cells_of", "case_file": "load_case", "claims": "Claim",
                                  "arguments.command": "Command parse_command", "from_arguments": "one_shot_case",
                                  "inputs": "StagedInput stage_inputs",
                                  "arguments.options": "REFERENCE SUBJECT Option all_options",
                                  "phases": "Phases load_phases", "threshold": "Threshold"})

__all__ = ["REFERENCE", "SUBJECT", "Case", "Claim", "Command", "Option", "Phases", "StagedInput", "Threshold",
           "all_options", "cells_of", "load_case", "load_phases", "one_shot_case", "parse_command", "stage_inputs"]
