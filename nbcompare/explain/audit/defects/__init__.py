"""The defects an audit seeds, one module a kind."""
