"""The host site: hooks, webhooks and metrics."""
