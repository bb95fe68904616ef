"""Checks that the doctor command runs on engines."""
