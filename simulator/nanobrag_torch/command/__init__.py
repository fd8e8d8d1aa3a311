"""The command line: its table of flags, its parser, and the files it names."""
