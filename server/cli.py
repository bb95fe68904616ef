"""The `roomcast` command: its help, and its commands, each imported when it is run."""

import importlib

import click

# Name: module and function under server/, and the line of the help. The
# server takes a second to import, for which `--help` and `token` need not wait.
COMMANDS = {
    "admin": (
        "commands.admin:admin_group",
        "Look after a running server: rooms, users, bans, reports.",
    ),
    "backup": (
        "commands.backup:backup_command",
        "Copy database, files and secret, while the server serves.",
    ),
    "demo": (
        "commands.demo:demo_command",
        "Serve a chat in which three people talk, and print their links.",
    ),
    "doctor": ("commands.doctor:doctor_command", "Check every engine, and report what is wrong."),
    "erase": ("commands.user_data:erase_command", "Erase all data of a user."),
    "export": (
        "commands.user_data:export_command",
        "Write all data of a user, one JSON object a line.",
    ),
    "fsck": (
        "commands.maintenance:fsck_command",
        "Recount unread counters, and correct them.",
    ),
    "migrate": (
        "commands.migrate:migrate_command",
        "Bring the database to the schema of this version.",
    ),
    "move": ("commands.move:move_command", "Copy a chat into another database, and its files."),
    "prune": ("commands.maintenance:prune_command", "Delete old messages for good."),
    "restore": ("commands.backup:restore_command", "Restore a backup into an empty database."),
    "serve": ("commands.serve:serve_command", "Serve the chat until Ctrl+C or SIGTERM."),
    "token": ("commands.token:token_command", "Print a token, to try the chat out."),
    "verify": (
        "verify.command:verify_command",
        "Test a running deployment against its guarantees.",
    ),
}


class CommandTable(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        try:
            command = getattr(importlib.import_module(f".{module}", __package__), name)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"roomcast {cmd_name} needs {error.name}: pip install 'roomcast[server]'."
            ) from None
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="roomcast", message="%(prog)s %(version)s")
def main() -> None:
    """Chat rooms for a site that already has users.

    \b
    Try it:       roomcast demo
    Serve it:     roomcast serve
    Talk to it:   TOKEN=$(roomcast token --user 2)
                  curl -H "Authorization: Bearer $TOKEN" \\
                       http://127.0.0.1:8000/api/v1/chat/receive/

    Settings come from options, then ROOMCAST_… variables, then settings.toml, then the defaults.
    """
