"""HTTP: a file for each kind of resource, with its table of routes at the end."""
