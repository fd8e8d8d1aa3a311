"""One module per command of ``nb-compare``; each holds a click command called ``command``.

A module here parses, calls and prints. It imports the rooms it uses inside the function, so that asking for help
loads nothing heavy. To add a command, write a module and enter it in ``cli.COMMANDS``.
"""
