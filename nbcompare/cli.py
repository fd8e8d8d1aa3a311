"""The command line: it finds the command, calls it, and returns an exit code. Each command is a module of
nbcompare.commands; what words mean is decided in the rooms they call.

A command's module is imported when that command is asked for, so that ``nb-compare --help`` loads nothing.
"""

from __future__ import annotations

import importlib
import keyword
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from nbcompare import __version__
from nbcompare.commands.colour import coloured, taken_out
from nbcompare.commands.faults import ENDS, check_memory, said_of, tell
from nbcompare.commands.result_forms import JSON, JUDGES, TEXT, Publication, asked_in, prints_json
from nbcompare.commands.screen import guarded
from nbcompare.errors import EXIT_MEANING, ExitCode

if TYPE_CHECKING:
    from nbcompare.commands.publish import PublishedResults

ONE_SHOT = "oneshot"
HELP = ("--help", "-h")
OWN = (*HELP, "--version", "--color")
"""Options of the program itself; a line that begins with another is a one-shot comparison."""

COMMANDS = {
    "init": "Write a first case of a command line, measured; or the project file.",
    "validate": "List every fault of cases, project files and phases; nothing is run.",
    "explain": "Show every effective value of a case and where it comes from.",
    "run": "Run cases and publish a stamped bundle of each.",
    "sweep": "Run many cells, each with a bundle of its own.",
    ONE_SHOT: "Compare both engines on one nanoBragg command line.",
    "images": "Judge two images that already exist, of any format.",
    "reduce": "Shrink a failing command to the fewest options that still fail.",
    "diagnose": "Name the cause of a difference between two images.",
    "watch": "Run the subject again after each save; a line with every margin.",
    "fuzz": "Try random command lines; tell what fails by its cause.",
    "bisect": "Find the commit with which the verdict of a case changes.",
    "trace": "Line up the factors of a pixel and name the first that differs.",
    "metrics": "List every figure that a threshold may ask for.",
    "audit": "Seed defects into the subject: are they caught, are they named?",
    "verify": "Find every fault of stored bundles; no engine is run.",
    "check": "Judge the stored images of a bundle again.",
    "regenerate": "Run a bundle's own record again and grade new against old.",
    "compare": "Compare stored runs of two bundles of one case.",
    "list": "List the stored bundles with their verdicts.",
    "trend": "Follow a case over its stored runs; which margins shrank?",
    "index": "Write all bundles of a folder as one page, with their history.",
    "view": "Print a small picture of a bundle in the terminal.",
    "show": "Print what a bundle says, on one page.",
    "report": "Write a bundle as one HTML page with its pictures inside.",
    "prune": "Remove old bundles, never one that something rests on.",
    "export": "Write a bundle as a bag (BagIt 1.0) or a zip file.",
    "import": "Take in a bundle that somebody sent, verified first.",
    "help": "Explain exit codes, metrics, causes, colours, completion, or a command.",
    "doctor": "Say what is missing here and what killed runs left behind.",
    "gate": "Look into everything a phase requires; green only when all of it holds.",
    "sign": "Sign off a phase whose gate is green.",
    "attempt": "Enter a bundle into a Markdown ledger as the next attempt of its case.",
}
"""Every command with its sentence for --help; the module is nbcompare.commands.NAME."""

SECTIONS = {
    "Begin": ("init", "validate", "explain", "doctor", "help"),
    "Run": ("run", "sweep", ONE_SHOT, "images", "fuzz", "watch"),
    "When it fails": ("view", "report", "diagnose", "trace", "reduce", "bisect"),
    "Evidence": ("show", "list", "trend", "index", "verify", "check", "compare", "regenerate", "export", "import",
                 "prune"),
    "A plan": ("gate", "sign", "attempt"),
    "Thresholds": ("metrics", "audit"),
}
"""The commands as --help shows them, by what somebody is about; what is in none of these comes last."""

EPILOG = "\b\nExit codes (of several outcomes the worst one wins):\n" + "\n".join(
    textwrap.fill(meaning, 76, initial_indent=f"  {code.value:>2}  ", subsequent_indent=" " * 6)
    for code, meaning in EXIT_MEANING.items())


class LazyCommands(click.Group):
    """A group whose commands are imported when asked for; a line that names none is a one-shot comparison."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in COMMANDS and args[0] not in OWN and args[0].startswith("-"):
            if not ctx.resilient_parsing:
                self._refuse_late_command(ctx, args)
            args = [ONE_SHOT, *args]
        if args and args[0] in ("init", ONE_SHOT) and "--" not in args and not ctx.resilient_parsing:
            self._refuse_bare_arguments(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_bare_arguments(self, ctx: click.Context, args: list[str]) -> None:
        """Raise UsageError, with the right order, where nanoBragg's options stand among those of nb-compare."""
        from nbcompare.case.arguments.options import option_named
        from nbcompare.errors import to_type

        at = next((at for at, word in enumerate(args) if option_named(word) and word not in OWN), None)
        if at is not None:
            order = to_type("nb-compare", *args[args[0] == ONE_SHOT:at], "--", *args[at:])
            raise click.UsageError(f"nanoBragg's arguments go after --: {order}", ctx)

    def _refuse_late_command(self, ctx: click.Context, args: list[str]) -> None:
        """Raise UsageError, with the right order, where a command's name follows options: that is no one-shot line."""
        one_shot = self.get_command(ctx, ONE_SHOT)
        takes = {name: option.nargs for option in (one_shot.params if one_shot else ())
                 if isinstance(option, click.Option) and not option.is_flag for name in option.opts}
        at = 0
        while at < len(args) and args[at] != "--":
            if args[at] in COMMANDS:
                import shlex

                order = shlex.join(("nb-compare", args[at], *args[:at], *args[at + 1:]))
                raise click.UsageError(f"options go after the command: {order}", ctx)
            at += 1 + takes.get(args[at], 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_") + ("_" if keyword.iskeyword(cmd_name) else "")
        command: click.Command = importlib.import_module(f"nbcompare.commands.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = {name for names in SECTIONS.values() for name in names}
        rest = {"More": tuple(name for name in COMMANDS if name not in listed)}
        width = max(map(len, COMMANDS))
        for section, names in {**SECTIONS, **rest}.items():
            rows = [(name.ljust(width), COMMANDS[name]) for name in names if name in COMMANDS]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            found = super().resolve_command(ctx, args)
        except click.UsageError as fault:
            from nbcompare.errors import nearest, to_type

            if os.path.isfile(args[0]):
                raise click.UsageError(f"{args[0]} is a file and no command; did you mean "
                                       f"{to_type('nb-compare', 'run', *args)}?", ctx) from None
            raise click.UsageError(f"{fault.format_message().rstrip('.')}; {nearest(args[0], COMMANDS)}", ctx) from None
        if found[1] is not None and any(not word or word.endswith("=") for word in args):
            _refuse_empty_names(ctx, found[1], found[2])
        return found


def _refuse_empty_names(ctx: click.Context, command: click.Command, words: list[str]) -> None:
    """Raise UsageError where a file, a folder or what a command is about is named by an empty word, as by a variable of
    the shell that is not set: as a path it would be the folder that one stands in."""
    own = click.Context(command, ctx, command.name)
    values, _, _ = command.make_parser(own).parse_args(list(words))
    for param in command.params:
        given = values.get(param.name or "")
        if isinstance(given, (list, tuple)):  # of words that are handed on as they are, only the first is a name
            given = "" if "" in (given[:1] if param.type is click.UNPROCESSED else given) else None
        if given == "" and (isinstance(param, click.Argument) or isinstance(param.type, click.Path)):
            called = param.make_metavar(own) if isinstance(param, click.Argument) else param.opts[0]
            raise click.UsageError(f"{called}: an empty word names nothing; is a variable of the shell not set?", own)


@click.group(cls=LazyCommands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nb-compare")
@click.option("--color", type=click.Choice(("auto", "always", "never")), default="auto", show_default=True,
              expose_value=False,
              help="Colours; may follow the command. Without it NO_COLOR, FORCE_COLOR and CI are obeyed.")
def main() -> None:
    """Decide, with evidence, whether two nanoBragg implementations give the same image.

    \b
    nb-compare init -- -mat A.mat ...       write a first case, measured
    nb-compare run cases/supervisor.yaml    run a case and keep a stamped bundle
    nb-compare [options] -- -mat A.mat ...  compare one command line (oneshot)
    """


def run(argv: list[str]) -> int:
    """Run the program on ``argv`` and return its exit code; every error is told here, once.

    What is made is not for everybody to write in, even where the user's mask forgot to say so.
    """
    mask = os.umask(0o022)
    os.umask(mask if mask & 0o002 else mask | 0o022)
    try:
        with guarded():
            return _run(argv)
    finally:
        os.umask(mask)


def _run(argv: list[str]) -> int:
    told = None
    try:
        word, argv = taken_out(argv)
        told = _results_asked(argv)
        if told is not None:
            told.prepare()
        elif argv and argv[0] not in OWN and (argv[0] == ONE_SHOT or argv[0].startswith("-")):
            from nbcompare.commands.oneshot import forget_summary

            forget_summary(argv[argv[0] == ONE_SHOT:])
        if argv and argv[0] != "--version" and not set(HELP) & set(argv):
            check_memory()
        code = int(main.main(args=argv, prog_name="nb-compare", standalone_mode=False, obj=told,
                             color=coloured(word, os.environ)) or ExitCode.PASS)
        sys.stdout.flush()
        return code
    except ENDS as fault:
        said = said_of(fault, argv)
        try:
            if told is not None:
                told.failed(said)
        except Exception as further:  # what ended the command is told all the same
            tell(further, said_of(further, argv))
        tell(fault, said)
        return said.code


def _results_asked(argv: list[str]) -> PublishedResults | None:
    """The forms of results that a command line asks for. Where it names no command that judges, files that it asks for
    are known by their options all the same, and so is the document that another command prints."""
    if not argv or argv[0] in (*HELP, "--version"):
        return None
    from nbcompare.commands.publish import PublishedResults

    name = argv[0] if argv[0] in COMMANDS else ONE_SHOT if argv[0].startswith("-") and argv[0] not in OWN else ""
    words = argv[argv[0] == name:]
    how = asked_in(_command(name or JUDGES[0]), words)
    if how is None or name in JUDGES:
        return PublishedResults(name, how, words) if how else None
    form = how.form if name and how.form == JSON and prints_json(_command(name)) else TEXT
    named = asked_in(_command(JUDGES[0]), words) if argv[0] not in COMMANDS else None
    how = Publication(form, junit=named.junit if named else (), markdown=named.markdown if named else (),
                      github=None if named else False)
    return PublishedResults(name, how, argv) if how.files or form != TEXT else None


def _command(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None, name
    return command
