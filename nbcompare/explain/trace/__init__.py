"""Factor traces: what each engine put into one pixel, lined up in the order of calculation.

``dialects`` reads what engines print, ``factors`` says what the factors are and what they are made of, ``lineup`` lays
two traces side by side, ``shares`` splits the ratio of the two pixels, ``pixel`` runs the engines.
"""
