"""Clients that others' programs generate from our documents: `make generators`."""
