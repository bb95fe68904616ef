"""The server API: the site's own programs drive the chat by HTTP, with a key."""

from . import messages, reports, rooms, stats, users

API = [*rooms.routes, *messages.routes, *users.routes, *reports.routes, *stats.routes]
