"""WebSocket endpoint classes, one socket a file."""
