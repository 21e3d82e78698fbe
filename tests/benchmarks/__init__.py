"""What the extension costs, side by side with a yardstick that is measured in the same run.

``python -m tests.benchmarks [name …]`` prints a table. Absolute times belong to the machine and to
what else runs on it; the ratio to the yardstick does not, and is all that ``--check`` looks at.
"""
