"""Rooms and sockets of this process: every frame in order, each once."""
