"""Authentication of connections: tokens, keys, origins and base URLs."""
