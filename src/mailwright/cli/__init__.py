"""The commands; `mailwright serve` builds everything and starts it."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
from click.exceptions import NoSuchCommand

from mailwright import __version__
from mailwright.cli.desk import Desk
from mailwright.cli.screen import err, show_fault
from mailwright.values import MailwrightError

INTERRUPTED = 130  # as shells report it
FAILED = 1  # the command could not do what was asked; usage errors are 2 (click)


# Which module has which commands: only the one that is wanted is loaded, for `serve` lives long and a command shall begin soon.
MODULES = {
    "serve": ("run", "serve", "init", "migrate", "secrets"),
    "accounts": ("account", "key"),
    "domains": ("domain", "dkim", "transport"),
    "queue": ("queue",),
    "webhooks": ("webhook",),
    "why": ("why",),
    "tail": ("tail",),
    "captured": ("captured",),
    "auth": ("auth",),
    "spf": ("spf",),
}


class Program(click.Group):
    """Commands that are loaded when they are wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, as `--help` shows them."""
        return sorted(name for names in MODULES.values() for name in names)

    def _loaded(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, from the module that has it."""
        del ctx
        module = next((module for module, names in MODULES.items() if cmd_name in names), None)
        if module is None:
            return None
        commands: Sequence[click.Command] = import_module(f"{__name__}.{module}").COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    get_command = _loaded  # the name that click calls

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for a name that there is not, those that are like it."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand:
            raise NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "-c", "--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file (default: ./mailwright.toml)."
)
@click.version_option(__version__, prog_name="mailwright")
@click.pass_context
def program(context: click.Context, config: Path | None) -> None:
    """Mailwright: the mail layer that a business application runs beside itself."""
    context.obj = Desk(config)


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
