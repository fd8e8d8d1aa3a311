"""The sum over sources, phi steps, domains and sub-pixels, on several paths."""
