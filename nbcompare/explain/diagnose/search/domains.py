"""A spread where the command has none: how many domains, or steps, sample it is then unknown as well.

The domains of few are not centred, so that a weak spread looks much like another orientation; which number of domains
it is shows in what a step of it explains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.hypotheses.fit_parameters import MOSAIC_SPREAD, of_domains, of_steps
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.fitting import Fitter, Response
from nbcompare.explain.diagnose.search.proofs import NEAR


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


def otherwise_sampled(parameter: FitParameter, left: float) -> bool:
    """Whether a fit that leaves so much may be right but for the points that sample it. Domains are many, and dear to
    try; of a few steps over a range each shows where spots have sharp edges, so that others may leave nearly all."""
    return left < NEAR or left < 1 and parameter.labels[0] in _STEPS_OF


_STEPS_OF = {"-dispersion": "-dispsteps", "-divergence": "-divsteps", "-hdivrange": "-hdivsteps",
             "-vdivrange": "-vdivsteps"}
"""The option that says how many steps there are over a range, which are two where nothing is said."""


def other_samplings(parameter: FitParameter, values: Sequence[float],
                    command: Command) -> list[tuple[FitParameter, tuple[float, ...]]]:
    """The same spread sampled by other numbers of domains or steps, with the values from which to fit it; none of what
    is no spread, and where the command says how many steps there are.

    n steps over a range w, its ends among them, have the variance w^2 (n + 1) / 12 (n - 1), two of them w^2 / 4.
    """
    if parameter.id == MOSAIC_SPREAD:
        return [(of_domains(parameter, count), tuple(values)) for count in limits.DOMAINS]
    option = _STEPS_OF.get(parameter.labels[0])
    if option is None or command.has(option):
        return []
    return [(of_steps(parameter, option, count),
             (parameter.fitted(parameter.shown(values[0]) * math.sqrt(3 * (count - 1) / (count + 1))),))
            for count in limits.SPREAD_STEPS]


def in_three_steps(parameters: Sequence[FitParameter], command: Command) -> list[FitParameter]:
    """The spreads of the beam among the parameters, in three steps in place of the two where nothing is said: where
    spots have sharp edges no width of two steps is like one of three."""
    return [others[0][0] for parameter in parameters if parameter.labels[0] in _STEPS_OF
            and (others := other_samplings(parameter, parameter.steps, command))]
