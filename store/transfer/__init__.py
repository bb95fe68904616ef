"""Copies a chat from one engine to another."""
