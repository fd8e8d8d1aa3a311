"""One experiment as text, and what its words mean."""
