"""Unread counters and the notifications socket."""
