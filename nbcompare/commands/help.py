"""nb-compare help: what a word of the reports means, or how a command is called."""

from __future__ import annotations

import re
import shutil
import textwrap

import click

from nbcompare.errors import EXIT_MEANING, ExitCode, UsageError, nearest

COLOURS = """\
--color auto|always|never decides, before or after the command's name. Without it:
  NO_COLOR     set to anything: no colours
  FORCE_COLOR  set to anything but 0: colours, also where the output is no terminal
  CI           set: no colours, and no line of progress is redrawn
else colours are used on a terminal."""

COMPLETION = """\
Commands, options, case files, bundles, regions and metrics are completed by the shell. For bash, in ~/.bashrc:
  eval "$(_NB_COMPARE_COMPLETE=bash_source nb-compare)"
For zsh, in ~/.zshrc, and for fish, in ~/.config/fish/completions/nb-compare.fish:
  eval "$(_NB_COMPARE_COMPLETE=zsh_source nb-compare)"
  _NB_COMPARE_COMPLETE=fish_source nb-compare | source"""

TOPICS = {"exit-codes": "what the process returns", "metrics": "every figure that a threshold may ask for",
          "causes": "every cause that a diagnosis can give", "options": "the options of nanoBragg that the bundled "
          "engines take", "colours": "how colours are switched", "completion": "how the shell completes words"}

_WIDEST = 80
_TERM = re.compile(r" *\S+  +(?=\S)")
"""What a line explains, and the space after it."""
_TO_COPY = re.compile(r"  (?:eval|_NB_COMPARE)")


@click.command("help")
@click.argument("topic", required=False, metavar="[TOPIC|COMMAND]")
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> ExitCode:
    """Explain a topic (exit-codes, metrics, causes, options, colours, completion) or a command."""
    group = ctx.parent.command if ctx.parent else None
    assert isinstance(group, click.Group)
    if topic is None:
        click.echo(readable("topics:\n" + "\n".join(f"  {name:<11} {said}" for name, said in TOPICS.items())
                            + "\n\nnb-compare help TOPIC, nb-compare help COMMAND, nb-compare --help"))
        return ExitCode.PASS
    found = group.get_command(ctx, topic)
    if topic not in TOPICS and found:
        with click.Context(found, info_name=topic, parent=ctx.parent) as its:
            click.echo(found.get_help(its))
        return ExitCode.PASS
    if topic not in TOPICS:
        known = {*TOPICS, *group.list_commands(ctx)}
        raise UsageError(f"there is no topic or command {topic!r}; {nearest(topic, known)}")
    click.echo(readable(_text(topic)))
    return ExitCode.PASS


def readable(text: str) -> str:
    """The lines of a topic no wider than the terminal, and at most as wide as the help of a command: folded between
    words, below the text of what they explain. A line that is to be copied is left whole."""
    width = max(20, min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST))
    return "\n".join(_folded(line, width) for line in text.splitlines())


def _folded(line: str, width: int) -> str:
    if len(line) <= width or _TO_COPY.match(line):
        return line
    term = _TERM.match(line)
    indent = len(term[0]) if term and len(term[0]) <= width // 2 else 4
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _text(topic: str) -> str:
    if topic == "exit-codes":
        return "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in EXIT_MEANING.items())
    if topic == "metrics":
        from nbcompare.compare.metrics import metrics_table

        return "\n".join(f"{entry['name']}: {entry['sentence']} {entry['direction'].capitalize()}."
                         for entry in metrics_table())
    if topic == "causes":
        from nbcompare.commands.views.diagnosis import catalogue_report

        return catalogue_report()
    if topic == "options":
        from nbcompare.case.arguments.options import all_options

        return "\n".join(f"{option.part:<17}  {', '.join(option.names)}{option.unit and f' ({option.unit})'}"
                         for option in all_options())
    return COLOURS if topic == "colours" else COMPLETION
