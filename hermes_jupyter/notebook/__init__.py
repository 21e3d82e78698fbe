"""Hermes inside a kernel: ``%hermes``, ``%%hermes`` and ``Panel()``, as a client of the server."""
