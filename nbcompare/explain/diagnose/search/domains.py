"""A mosaic spread where the command has none: how many domains sample it is then unknown as well.

The domains of few are not centred, so that a weak spread looks much like another orientation; which number of domains
it is shows in what a step of it explains.
"""

from __future__ import annotations

from nbcompare.explain.diagnose.hypotheses.fit_parameters import MOSAIC_SPREAD, FitParameter, of_domains
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.fitting import Fitter, Response


def spread_responses(fitter: Fitter, parameter: FitParameter) -> list[Response]:
    """What one step of the spread explains with each number of domains, the best few; none where the command has a
    spread, or says how many domains there are."""
    command = fitter.under.command
    if parameter.id != MOSAIC_SPREAD or command.number("-mosaic") or command.has("-mosaic_dom"):
        return []
    found: list[Response] = []
    for count in limits.DOMAINS:
        if fitter.trials.within(limits.TURNED_ONCE):
            found += fitter.responses(of_domains(parameter, count))
    found.sort(key=lambda response: -response.explained)
    return found[:limits.BEST_DOMAINS]
