"""Calls of the site: without a member's permission, on behalf of any user."""
