"""The truth: conversations, turns, questions, the journal and the gauge.

Pure asyncio. It imports nothing of Tornado, of Jupyter or of the other parts; what it needs of an
agent is the protocol in :mod:`hermes_jupyter.core.agent`.
"""
