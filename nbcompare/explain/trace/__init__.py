"""Factor traces: what each engine put into one pixel, lined up in the order of calculation.

``pixel`` runs the engines. What they print is read, lined up and shared out in engine/trace, as claims need that too;
the factors themselves stand in case/arguments/factors.py.
"""
