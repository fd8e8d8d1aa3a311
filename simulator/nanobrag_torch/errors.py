"""What a user can get wrong. Each is told in one line; anything else that is raised is a defect of ours."""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of all errors that the user can mend."""


class ArgumentError(SimulatorError):
    """A bad option, or options that cannot be used together."""


class InputFileError(SimulatorError):
    """A file that cannot be read, parsed or written; knows its path, line (from 1) and the offending text."""

    def __init__(self, message: str, path=None, line: int | None = None, value: str | None = None):
        where = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)
        self.path, self.line, self.value = path, line, value
