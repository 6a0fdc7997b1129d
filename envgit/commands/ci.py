"""Own `envgit ci`: what the Action runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envgit import ui
from envgit.ci.credentials import TOKEN, basic, git_settings
from envgit.ci.dispatch import done
from envgit.ci.job import job_of
from envgit.errors import EnvgitError
from envgit.github.runner import Annotation, Runner


@click.command("ci", short_help="what the GitHub Action runs: read the event, review, record or verify")
@click.pass_context
def command(ctx: click.Context) -> int:
    """Read the event of a GitHub workflow and do the right thing: review a pull request, record a push, verify on a schedule.

    Inputs come by the environment, as docs/action.md lists them; people have the commands of their own.
    """
    environ = dict(os.environ)
    if environ.get("ENVGIT_AGE_KEY"):
        environ["SOPS_AGE_KEY"] = environ["ENVGIT_AGE_KEY"]
    runner = Runner(environ)
    # git finds credentials in its environment, and nowhere else of ours: neither in an argument nor in an address.
    os.environ.update(git_settings(environ))
    runner.mask([basic(environ[TOKEN]).encode()] if environ.get(TOKEN) else [])
    runner.quiet()
    try:
        job = job_of(ctx.obj if isinstance(ctx.obj, Path) else Path(), environ, runner)
        try:
            return done(job)
        except EnvgitError as error:
            raise job.outlet.withheld(error) from None
        finally:
            job.outlet.finish()
    except EnvgitError as error:
        runner.annotate([Annotation("error", "envgit", str(error))])
        ui.error(str(error))
        return error.exit_status
    finally:
        runner.resume()
