"""What can be done with stored bundles: verify, judge again, run again, pair, list, prune, exchange, clean up after.

Nothing here makes a bundle of its own or changes one that is published; ``regenerate`` and ``import`` publish new
ones, and ``prune`` removes whole ones.
"""
