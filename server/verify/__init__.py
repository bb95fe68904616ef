"""roomcast verify: holds a running deployment to docs/protocol.md, from the outside."""
