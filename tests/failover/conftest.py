"""Servers that take over from each other take minutes, so `make failover` alone runs them."""

import os

collect_ignore = [] if os.environ.get("ROOMCAST_FAILOVER") else ["test_patroni.py"]
