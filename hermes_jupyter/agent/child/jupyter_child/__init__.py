"""The agent's own process: Hermes' stdio gateway and the little that it lacks for a notebook.

Runs in the interpreter that has hermes-agent, and imports nothing of ``hermes_jupyter``. stdin and
stdout carry newline-delimited JSON-RPC 2.0; stderr is free text. Only these modules touch private
names of Hermes (of hermes-agent 0.19), which are checked at the start: ``jupyter.ready`` with the
version and the names that are missing comes before ``gateway.ready``.
"""
