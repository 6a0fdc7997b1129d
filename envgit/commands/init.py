"""Own `envgit init`: set a repository up, print the trust root, and say what is left to do, as commands."""

from __future__ import annotations

import click

from envgit import ui
from envgit.commands.options import as_json, session
from envgit.errors import UsageError
from envgit.log.ruleset import ruleset
from envgit.log.setup import looked_over
from envgit.log.setup_github import looked_over_there
from envgit.log.start import Started, start
from envgit.views import init as view


@click.command("init", short_help="set up: environments, keys, the first entry of the log")
@click.option(
    "--from", "since", metavar="REVISION", default="", help="Begin the audited history here, not at its root."
)
@click.option("--check", is_flag=True, help="Change nothing; say what of the set-up is done.")
@click.option("--signer-name", metavar="NAME", default="", help="Committer of the entries; envgit where left out.")
@click.option(
    "--signer-email", metavar="EMAIL", default="", help="Their e-mail; organisations may ask for a known one."
)
@click.option(
    "--action", metavar="ACTION", default="", help="What the workflows use, as OWNER/REPOSITORY@COMMIT; envgit's own."
)
@click.option("--no-workflows", is_flag=True, help="Write no workflows.")
@click.option(
    "--print-ruleset", is_flag=True, help="Change nothing; print the GitHub ruleset that protects the log's branch."
)
@click.option(
    "--writer", metavar="WHO", default="", help="With --print-ruleset: who alone may push; deploy-key or app:ID."
)
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    since: str,
    check: bool,
    signer_name: str,
    signer_email: str,
    action: str,
    no_workflows: bool,
    print_ruleset: bool,
    writer: str,
    as_json: bool,
) -> int:
    """Find the environments, write .envgit.yaml and the workflows, make a signing key outside the repository, and begin the log.

    It asks nothing and commits nothing to your branches. What is left for people to do is printed, each step as a command.
    """
    run = session(ctx)
    _one_question(check=check, print_ruleset=print_ruleset, writer=writer)
    if print_ruleset:
        ui.document(ruleset(run.audit_branch, writer))
        return 0
    if check:
        found = [*looked_over(run), *looked_over_there(run)]
        if as_json:
            ui.document(view.check_document(found))
        else:
            ui.out(view.check_lines(found))
        return 0 if all(step.done is not False for step in found) else 1
    begun: Started = start(
        run, since=since, name=signer_name, email=signer_email, action=action, workflows=not no_workflows
    )
    if begun.warning:
        ui.say(f"warning: {begun.warning}")
    if as_json:
        ui.document(view.document(begun))
    else:
        ui.out(view.lines(begun))
    return 0


def _one_question(*, check: bool, print_ruleset: bool, writer: str) -> None:
    if writer and not print_ruleset:
        raise UsageError("--writer says who may push by a ruleset; give it with --print-ruleset")
    if print_ruleset and check:
        raise UsageError("--print-ruleset and --check are two questions; ask one at a time")
