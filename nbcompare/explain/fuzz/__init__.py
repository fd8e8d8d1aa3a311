"""Fuzz: random valid command lines through both engines, and what they fail by.

``random_commands`` draws a command over the whole table of options, ``draw`` fits it to the engines or varies that of
a case, ``fuzz`` runs and reduces, ``causes`` puts failures together, ``kept`` remembers, ``coverage`` says what was
tried.
"""
