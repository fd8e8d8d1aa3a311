"""Do the figures hold, and does an excuse."""
