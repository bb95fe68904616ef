"""The subcommands of the roomcast command, except `serve`."""
