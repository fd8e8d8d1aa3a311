"""Until when each stage of a search may go on, as shares of its budget, and what a stage must see to begin.

A stage that finds nothing leaves the rest of the budget to those after it: what is cheap and likely comes first, long
fits later, pairs last. The shares grow in that order, so that no stage can use up what the next one needs.
"""

# --- shares of the budget, in the order of the stages ----------------------------------------------------------------

LIST_CUT = 0.4
"""Looking for the line at which a list of structure factors ends."""
LIKELY = 0.45
"""Single mistakes that are likely before they are tried."""
EMULATED_TOGETHER = 0.5
"""Several defects of the C program at once."""
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
TWIN_FIT_S = 4.0
"""A parameter that does the same to the image as the one that was found, from there."""

# --- what a stage must see -------------------------------------------------------------------------------------------

LIKELY_SCORE = 0.645
"""Mistakes at least this likely are tried before anything is fitted."""
PLAIN = 0.9
"""Share of the difference that one step of a fit parameter must explain for a fit without smoothing."""
PROMISING = 0.35
"""The same for a fit that begins smoothed, with what the quick guesses add, in all regions of a fit."""
SAME_WAY = 0.9
"""Share of one parameter's turn that another must span to be its twin; less than 1, as steps are not small."""
ALIKE = 0.8
"""Correlation of the images from which on a value is likelier to be a little off than to be another one."""
WELL_PLACED = 0.4
"""Score of predicted peaks from which on a fit is worth its renders."""
MERE_FACTOR = 1e-3
"""A factor between the images nearer to 1 than this is none."""

# --- how many --------------------------------------------------------------------------------------------------------

PLACED_FITS = 3
SURE_FITS = 4
LOOKS = 8
"""So many fit parameters that answer in one region are looked at in more."""
FITS = 4
SCALED_FITS = 3
TWINS = 3
RIVALS = 6
"""So many other mistakes with the same part of the experiment are tried once one of them is proven."""
DOMAINS = range(2, 21)
"""Numbers of mosaic domains that are tried."""
BEST_DOMAINS = 2
"""So many of them are fitted."""
