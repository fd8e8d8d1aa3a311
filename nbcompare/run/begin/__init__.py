"""The first case of a command line: measured, written, and looked at before anybody has to."""
