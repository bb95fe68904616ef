"""The wire format: actions, events, errors and close codes."""
