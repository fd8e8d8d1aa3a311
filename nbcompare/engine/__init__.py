"""Start a program, and trust nothing it says."""
