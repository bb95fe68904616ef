"""Rooms and connections of this process."""
