"""Bisection: the first commit of a repository with which the verdict of a case changes.

``step`` judges one commit in a work tree of our own, ``search`` chooses which, ``journal`` remembers what was judged,
``bisect`` is the whole way from two revisions to the commit and its diagnosis.
"""
