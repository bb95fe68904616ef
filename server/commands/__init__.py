"""The subcommands of the roomcast command."""
