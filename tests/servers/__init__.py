"""The chat, mounted in a site, under ASGI servers other than its own: `make servers`."""
