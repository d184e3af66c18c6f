"""The commands; `mailwright serve` builds everything and starts it."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mailwright import __version__
from mailwright.cli import accounts, auth, captured, domains, queue, serve, spf, tail, webhooks, why
from mailwright.cli.desk import Desk
from mailwright.cli.screen import err, show_fault
from mailwright.values import MailwrightError

INTERRUPTED = 130  # as shells report it
FAILED = 1  # the command could not do what was asked; usage errors are 2 (click)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "-c", "--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file (default: ./mailwright.toml)."
)
@click.version_option(__version__, prog_name="mailwright")
@click.pass_context
def program(context: click.Context, config: Path | None) -> None:
    """Mailwright: the mail layer that a business application runs beside itself."""
    context.obj = Desk(config)


for command in (
    *serve.COMMANDS,
    *accounts.COMMANDS,
    *domains.COMMANDS,
    *queue.COMMANDS,
    *webhooks.COMMANDS,
    *why.COMMANDS,
    *tail.COMMANDS,
    *captured.COMMANDS,
    *auth.COMMANDS,
    *spf.COMMANDS,
):
    program.add_command(command)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command of `args` (default: the command line); what goes wrong is said with its remedy, never as a traceback."""
    try:
        program(args, prog_name="mailwright", standalone_mode=False)
    except MailwrightError as fault:
        show_fault(fault)
        sys.exit(FAILED)
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except click.Abort as fault:
        if fault.__cause__ is None:  # a question was answered with no, or by nobody; an interrupt has its cause
            err.print(
                "Nothing was changed." + ("" if sys.stdin.isatty() else " In a script, give the answer as an option: --help.")
            )
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)  # the reader of a pipe has seen enough
