"""Arguments in, exit status out: 0 done, 1 findings, 2 a fault told in one message, 130 interrupted.

Only the standard library is imported before a command is chosen, so that `--help` answers at once.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TypeAlias


def main(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments or ["serve"])
    command = importlib.import_module(f"app.cli.{chosen.module}")
    faults = importlib.import_module("app.cli.faults")
    try:
        status: int = getattr(command, chosen.function)(chosen)
    except faults.EXPECTED as error:
        sys.stderr.write(f"{faults.words(error)}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app", description="EduConnect. Settings come from the environment: see docs/settings.md."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = _command(commands, "serve", "serve:serve", "start the server (what happens without a command)")
    serve.add_argument("--host", help="in place of HOST")
    serve.add_argument("--port", help="in place of PORT")
    serve.add_argument("--tls", action="store_const", const="true", help="https and wss; in place of TLS")

    schema = _group(commands, "schema", "look after the contract")
    _command(schema, "check", "schema:check", "find what AppSync would refuse or our conventions forbid")
    export = _command(schema, "export", "schema:export", "print the contract as one document")
    export.add_argument(
        "--appsync", action="store_true", help="as AppSync takes it, for the user modes in the settings"
    )
    export.add_argument("--output", metavar="FILE", help="write it there instead")
    diff = _command(schema, "diff", "schema:diff", "find what breaks clients written for an earlier contract")
    diff.add_argument("revision", metavar="REVISION", help="git revision of the earlier contract, e.g. main")
    _command(schema, "generate", "schema:generate", "write anew what is generated from the contract and the settings")

    plan = _command(commands, "plan", "plan:plan", "print how an operation is executed once it has come twice")
    plan.add_argument("query", metavar="QUERY", help="a document; of several operations the first")
    plan.add_argument("--variables", metavar="JSON", default="{}", help="@skip and @include ask for some")

    token = _command(commands, "token", "credentials:token", "print a token of the built-in sign-in")
    token.add_argument("user", metavar="USER", help="user name; the same name is always the same user")
    token.add_argument(
        "--group", metavar="GROUP", action="append", help="Students, Mentors, Admins or Moderators; may be repeated."
        " Without it the user's own roles count, and Students for a new user"
    )  # fmt: skip
    token.add_argument("--ttl", metavar="SECONDS", type=int, default=3600, help="how long it lives (3600)")
    token.add_argument("--id", action="store_true", help="an id token instead of an access token")

    key = _command(commands, "api-key", "credentials:api_key", "make an API key for public reads, and print it")
    key.add_argument("--days", type=int, default=7, help="how long it lives, 1 to 365 (7)")
    key.add_argument("--description", default="", help="what it is for")

    amplify = _command(commands, "amplify-outputs", "amplify:write", "print amplify_outputs.json for front ends")
    amplify.add_argument("--api-key", metavar="KEY", help="the clients' key for public reads")
    amplify.add_argument("--stacks", metavar="FILE", help="for what is on AWS: what `cdk deploy --outputs-file` wrote")
    amplify.add_argument("--api", choices=("appsync", "server"), default="appsync", help="which of both, with --stacks")
    amplify.add_argument("--output", metavar="FILE", help="write it there instead")

    outbox = _command(commands, "outbox", "notifications:outbox", "print mail that MAIL=outbox kept, newest first")
    outbox.add_argument("--limit", type=int, default=20, help="how many, 1 to 1000 (20)")
    push = _command(commands, "push-key", "notifications:public_push_key", "print the key that browsers subscribe with")
    push.add_argument("--new", action="store_true", help="print a fresh WEB_PUSH_KEY instead, to be kept secret")

    notifications = _group(commands, "notifications", "look after what could not be sent or handled")
    failed = _command(notifications, "failed", "failures:failed", "print it; ends with 1 when there is any")
    failed.add_argument("--limit", type=int, default=20, help="how many of each kind, 1 to 1000 (20)")
    again = _command(notifications, "retry", "failures:retry", "have it tried again by the running server")
    again.add_argument("ids", metavar="ID", nargs="+", help="as `notifications failed` prints it, in the last column")

    backup = _command(commands, "backup", "backups:backup", "copy everything into a new folder, and print its digest")
    backup.add_argument("folder", metavar="DIR", help="made when absent; has to be empty")
    restore = _command(commands, "restore", "backups:restore", "bring a backup back, and print of when it is")
    restore.add_argument("folder", metavar="DIR", help="as `backup` made it")
    restore.add_argument("--replace", action="store_true", help="what is in DATA_DIR may go")
    restore.add_argument("--digest", metavar="HEX", help="refuse any other backup than that one")
    restore.add_argument("--check", action="store_true", help="only look whether the backup is whole")
    for command in (backup, restore):
        command.add_argument(
            "--capacity", metavar="UNITS", type=float, default=500.0, help="of DynamoDB a second, at most (500)"
        )

    _command(commands, "seed", "seed:seed", "fill an empty database with the demo school")
    tables = _group(commands, "tables", "look after DynamoDB's tables")
    _command(tables, "create", "tables:create", "make the tables that are missing")
    _command(tables, "list", "tables:list_all", "print the tables, and which are missing")
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _group(commands: _Commands, name: str, words: str) -> _Commands:
    parser = commands.add_parser(name, help=words, description=words)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _command(commands: _Commands, name: str, target: str, words: str) -> argparse.ArgumentParser:
    """A command that `target`, module:function, carries out."""
    parser = commands.add_parser(name, help=words, description=words)
    module, _, function = target.partition(":")
    parser.set_defaults(module=module, function=function)
    return parser
