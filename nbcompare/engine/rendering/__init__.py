"""The one way to run an engine on a command line, and what it may leave behind."""
