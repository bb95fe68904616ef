"""Attachments: names, content checks, links and the service that stores them."""
