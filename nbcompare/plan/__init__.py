"""Phases, gates and sign-offs: which evidence a plan asks for, whether it is there and true, and who said so."""
