"""Tornado handlers over the core: authentication, framing, errors. Knows nothing of Hermes."""
