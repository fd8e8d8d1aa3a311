"""Nothing that data names is run, and what nobody trusts is confined."""
