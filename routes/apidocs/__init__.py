"""OpenAPI and AsyncAPI, built from the types that decode requests."""
