"""Hermes in a kernel, a terminal or a script: ``%hermes``, ``%%hermes``, ``ask``, ``Panel()``.

All of it is a client of the HTTP contract: of the server that started the kernel, or where there is
none, of a core in the process itself (``local``, the only module that runs an agent).
"""
