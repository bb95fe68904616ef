"""The `roomcast` command: its help and the list of its commands."""

import click

from .commands.admin import admin_group
from .commands.backup import backup_command, restore_command
from .commands.demo import demo_command
from .commands.doctor import doctor_command
from .commands.maintenance import fsck_command, prune_command
from .commands.migrate import migrate_command
from .commands.move import move_command
from .commands.serve import serve_command
from .commands.token import token_command
from .commands.user_data import erase_command, export_command
from .verify.command import verify_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for _command in (
    backup_command,
    admin_group,
    demo_command,
    doctor_command,
    erase_command,
    export_command,
    fsck_command,
    migrate_command,
    move_command,
    prune_command,
    restore_command,
    serve_command,
    token_command,
    verify_command,
):
    main.add_command(_command)
