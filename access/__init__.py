"""Who may come in: by which keys, and from which origins."""
