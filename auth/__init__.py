"""Who a connection is: tokens, keys, origins and base URLs."""
