"""Hypotheses tried by running the simulator."""
