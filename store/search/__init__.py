"""The search index on both engines."""
