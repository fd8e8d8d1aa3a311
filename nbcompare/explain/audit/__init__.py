"""Audit: defects are seeded into the subject on purpose, to see whether a case's thresholds catch them and whether
the diagnosis names them.

The defects live here and nowhere else. The diagnosis knows nothing of them, and the audit knows of the diagnosis only
its public entry and the ids of its causes; a test holds the wall between them.

What is where: ``kind`` what a kind of defect is, ``defects`` the kinds, ``catalogue`` all of them, ``renders`` the
images, ``defect_result`` one defect looked at, ``score`` what was caught and named, ``audit`` the whole of it.
"""
