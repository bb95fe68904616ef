"""Application services: validate, commit, publish."""
