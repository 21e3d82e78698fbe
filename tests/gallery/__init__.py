"""Pictures of each state of the panel, for a person to look at: ``python -m tests.gallery``."""
