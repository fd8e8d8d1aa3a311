"""Until when each stage of a search may go on, as shares of its budget, and what a stage must see to begin.

A stage that finds nothing leaves the rest of the budget to those after it: what is cheap and likely comes first, long
fits later, pairs last. The shares grow in that order, so that no stage can use up what the next one needs.
"""

BUDGET_S = 44.0
"""Processor seconds of one search where nobody says how many: with what begins and ends it, 45 on an idle machine."""

# --- shares of the budget, in the order of the stages ----------------------------------------------------------------

LIST_CUT = 0.4
"""Looking for the line at which a list of structure factors ends."""
MISSING = 0.3
"""Taking from a list of structure factors the reflections that seem missing."""
REFLECTIONS = 0.45
"""Reading structure factors off the spots."""
LIKELY = 0.45
"""Single mistakes that are likely before they are tried."""
EMULATED_TOGETHER = 0.6
"""Defects of the C program, all at once, then those that matter."""
TURNED_ONCE = 0.55
"""One step of every fit parameter, in one region."""
PLACED_FIT = 0.6
"""Fits of what would move the peaks to where the subject has them."""
SURE_FIT = 0.65
"""Fits of what the difference plainly answers to."""
CHEAP = 0.55
"""A part of the other mistakes, so that long fits leave none of the first ones out."""
LOOKED_AT = 0.75
"""One step of the promising fit parameters, in more regions."""
FIT = 0.82
"""Fits of what answers less plainly."""
SINGLE_FIT = 0.84
"""Fits of every single number that answers."""
SCALED_FIT = 0.85
"""The same with a factor between the images."""
REST = 0.75
"""All other mistakes."""
FAR = 0.85
FAR_FIT = 0.9
"""Fits that start far away: looking for the start, and fitting."""
AFTER_A_PROOF = 0.9
"""What else gives the same image, once something does."""
PAIR = 0.9
PAIR_TURNED = 0.95
PAIR_FIT = 0.97
PAIR_MISTAKES = 1.0
"""Two causes at once: fitted together; every fit parameter, and a fit, and every mistake on top of the nearest one."""

# --- shares of the budget that one fit may take, and seconds ---------------------------------------------------------

ONE_FIT = 0.12
PAIRED_FIT = 0.2
DOMAINS_FIT_S = 5.0
"""A mosaic spread again, with another number of domains."""
OTHER_RIVALS = 0.06
"""Mistakes with another part of the same thing, once one is proven."""
OF_ONE_THING = (frozenset(("cell", "cells", "matrix", "misset")),
                frozenset(("mosaic-spread", "mosaic-domains", "mosaic-seed")),
                frozenset(("phi", "phi-step", "phi-steps", "oscillation", "spindle-axis")))
"""These parts: of the crystal, where axes may be as good as cells; of its mosaic, where one domain is as good as no
spread; of the turns that are summed, which may come to the same ones."""
TWIN_FIT_S = 4.0
"""A parameter that does the same to the image as the one that was found, from there."""

# --- what makes a mistake likelier before it is tried, beside its prior ----------------------------------------------

GUESSED_WEIGHT = 0.4
"""Times the confidence of a quick guess of the same cause."""
TOLD_WEIGHT = 0.3
"""Both engines print another value of what it is about."""
PLACED_WEIGHT = 0.5
"""Times what it gains in the score of predicted peaks over leaving them where they are."""
UNLIKELY = 0.35
"""Taken off where it would give another pattern than is seen, or moves nothing."""
IN_PLACE, IN_PLACE_ALIKE = 0.7, 0.5
"""The pattern is the same when this share of peaks lie unmoved, and the images correlate so far."""
ELSEWHERE, ELSEWHERE_ALIKE = 0.3, 0.1
"""It is another one when no more do."""

# --- what a part of a search may bring and take ----------------------------------------------------------------------

TENFOLD_WORK = 0.2
"""Taken off the score of a mistake for each factor of ten by which it renders longer."""
EMULATED_CHANCE = 0.1
"""That a defect of the C program is in one image, where the reference shows none."""
TORCH_STARTS_S = 5.0
"""Processor seconds until the torch simulator, which alone has emulations, has rendered something."""
RENDERS_OF_FITS = 150

# --- what a stage must see -------------------------------------------------------------------------------------------

LIKELY_SCORE = 0.645
"""Mistakes at least this likely are tried before anything is fitted."""
PLAIN = 0.9
"""Share of the difference that one step of a fit parameter must explain for a fit without smoothing."""
PROMISING = 0.35
"""The same for a fit that begins smoothed, with what the quick guesses add, in all regions of a fit."""
ANSWERS = 0.01
"""The same for a single number, whose fit is cheap."""
SAME_WAY = 0.9
"""Share of one parameter's turn that another must span to be its twin; less than 1, as steps are not small."""
TWIN_NEAR = 0.3
"""What a twin by a known ratio may leave of the difference for its fit to begin."""
SAME = 1e-9
"""What a twin may leave of the turn for it to be the same."""
ALIKE = 0.8
"""Correlation of the images from which on a value is likelier to be a little off than to be another one."""
WELL_PLACED = 0.4
"""Score of predicted peaks from which on a fit is worth its renders."""
MERE_FACTOR = 1e-3
"""A factor between the images nearer to 1 than this is none."""

SPOTS_KEEP_SHAPE = 0.3
"""What may be left of the difference when each reflection has a factor of its own, for its F to be another one."""

MATTERS = 1e-6
"""An edit that changes what is left of the difference by no more than this changes nothing."""

WHOLE = 0.2
"""A proof on regions is held against the whole image where that takes no more than this share of the seconds left."""
PLAINLY = 10.0
"""The whole image speaks against it when a pixel is so many times further off than a proof allows."""

# --- how many --------------------------------------------------------------------------------------------------------

PLACED_FITS = 3
SURE_FITS = 4
LOOKS = 8
"""So many fit parameters that answer in one region are looked at in more."""
FITS = 4
SCALED_FITS = 3
REFLECTION_ROUNDS = 6
"""Renders in which structure factors are read off the spots."""
MISSING_ROUNDS = 30
"""Renders in which reflections are taken from the list, one more or many at a time."""
TWINS = 4
RIVALS = 6
"""So many other mistakes with the same part of the experiment are tried once one of them is proven."""
DOMAINS = range(2, 21)
"""Numbers of mosaic domains that are tried."""
SPREAD_STEPS = (3, 4, 5, 7, 9)
"""Numbers of steps that may sample a spread of the beam where the command has none."""

BEST_DOMAINS = 2
"""So many of them are fitted."""

# --- single runs -----------------------------------------------------------------------------------------------------

PATIENT = 5.0
"""So many times its budget of processor seconds a search may wait on a busy machine, where nobody waits for it and its
answer should not depend on what else runs: an audit."""
ONE_RENDER, AS_UNEDITED = 0.04, 10.0
"""A trial may take this share of the budget, or so many times as long as the unedited command where that is more: a
wrong unit can ask for thousands of sub-pixels, and a few such renders would use up everything."""
LIST_SECONDS = 120.0
"""Reading a long list of structure factors, once, for the dump that is read in its place."""
LONG_LIST_BYTES = 500_000
"""Of a list so long the dump is read instead, which takes a tenth of the time."""
