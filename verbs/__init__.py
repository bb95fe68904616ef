"""Beside chat.py: what else is done in rooms, and for users."""
