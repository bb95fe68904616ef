"""The documentation of the protocol, from the same types that decode the requests."""

from starlette.routing import BaseRoute

routes: list[BaseRoute] = []
