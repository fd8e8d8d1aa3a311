"""Bundles kept over time: exported, imported, pruned, and what killed runs left behind."""
