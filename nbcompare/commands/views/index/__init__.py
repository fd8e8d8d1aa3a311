"""The index of a folder of bundles as one HTML page: still, self-contained, and nothing in it is run."""
