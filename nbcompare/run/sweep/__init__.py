"""Sweep: many cells, each a case with a bundle of its own, on this machine or on a Dask cluster.

``plan`` says which cells there are and which of them are done, ``worker`` runs one cell, ``local`` and ``cluster`` hand
cells out and bring results home, ``remote`` is what happens on the machines of a cluster, ``table`` shows the outcome.
"""
