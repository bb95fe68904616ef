"""Autobahn|Testsuite, by its Rust runner, against our WebSocket protocol: `make autobahn`."""
