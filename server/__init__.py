"""The roomcast command, uvicorn and the WebSocket fast path."""
