"""Reduction: the smallest command line, and the smallest image, that still fails in the same way.

``signature`` says what failing in the same way means, ``trial`` runs both engines on a candidate and remembers the
answer, ``minimize`` chooses candidates, ``reduce`` is the whole way from a failing command to its reproducer.
"""
