"""Own the command line: global options, which module is which command, and how an error becomes one line and a status.

A command's module is imported only when it is called: `blame` must not pay for what `record` needs.
"""

from __future__ import annotations

import gc

# A collection in the midst of imports finds nothing, and costs a short command a twentieth of its time.
gc.disable()

import sys  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402

import click  # noqa: E402

from envgit import __version__, ui  # noqa: E402
from envgit.errors import EnvgitError  # noqa: E402

DEFECT = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

COMMANDS = {
    "init": "set up: environments, keys, the first entry of the log",
    "diff": "show what changed between two revisions, redacted",
    "record": "append the missing entries to the log",
    "verify": "check the log, and that nothing is missing from it",
    "signers": "who may sign: list, add, revoke; what roots approve",
    "anchor": "keep outside evidence for the log as it stands",
    "witness": "verify another owner's log, and cosign it",
    "prove": "write a proof that an entry is in the log",
    "bundle": "write entries and their proofs into one file, for an outsider",
    "blame": "show who changed a variable last, and when",
    "log": "list entries",
    "show": "show an environment as it stood at a revision, an entry or a time",
    "ci": "what the GitHub Action runs: read the event, review, record or verify",
    "demo": "tell the whole story on a repository made for it",
}


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class LazyGroup(click.Group):
    """A group whose commands are modules under envgit.commands, each with a click command called `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"envgit.commands.{cmd_name}").command
        gc.freeze()  # what is imported stays: no collection need look at it again
        gc.enable()
        if not isinstance(found, click.Command):
            raise TypeError(cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click would answer an interrupt with an empty line of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "directory", metavar="DIR", default=".", help="Run as if started in DIR.")
@click.option(
    "--debug", is_flag=True, help="On a defect show the traceback; it may hold values, so mind where it goes."
)
@click.version_option(__version__, prog_name="envgit")
@click.pass_context
def group(ctx: click.Context, directory: str, debug: bool) -> None:
    """Audit the environment variables that live in git as SOPS files.

    Every change with who, when and why, signed, in your own repository; never a value.
    """
    ctx.obj = Path(directory)
    ctx.meta["debug"] = debug


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status (README, "Exit status")."""
    ui.prepare()
    argv = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        result = group.main(argv, prog_name="envgit", standalone_mode=False)
    except ui.ReaderGone:
        # Python would try once more to flush at exit, and print that it could not.
        sys.stdout = sys.stderr
        return BROKEN_PIPE
    except (Interrupted, KeyboardInterrupt, click.Abort):
        ui.error("interrupted; what was recorded before is kept")
        return INTERRUPTED
    except OSError as error:
        ui.error(f"cannot write the answer: {error.strerror}")
        return 3
    except EnvgitError as error:
        ui.error(str(error))
        return error.exit_status
    except click.ClickException as error:
        ui.error(_usage(error))
        return 2
    except Exception as error:
        if "--debug" in argv:
            raise
        ui.error(_defect(error))
        return DEFECT
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> str:
    command = f"; {error.ctx.command_path} --help" if isinstance(error, click.UsageError) and error.ctx else ""
    message = error.format_message().rstrip(".")
    return message[:1].lower() + message[1:] + command


def _defect(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "somewhere"
    # The text of an unexpected error may quote what it choked on.
    return (
        f"a defect in envgit {__version__}: {type(error).__name__} at {where}; please report this line "
        "(--debug shows more, and that may hold values)"
    )
