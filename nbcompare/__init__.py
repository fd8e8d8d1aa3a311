"""nb-compare: decides, with evidence, whether two nanoBragg implementations give the same image.

One kind of object flows one way: Case -> Run -> Bundle -> Comparison -> Verdict. See docs/architecture.md.
"""

__version__ = "0.1.0"
