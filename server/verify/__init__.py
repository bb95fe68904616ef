"""roomcast verify: tests a running deployment against docs/protocol.md, from the outside."""
