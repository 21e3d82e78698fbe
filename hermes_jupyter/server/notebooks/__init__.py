"""The agent's tools for notebooks: read, edit and run cells, and see what a kernel holds.

A notebook that a page has open is read and changed by that page, in its live model; any other one
through the server's own contents and kernels.
"""
