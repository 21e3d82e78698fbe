"""The agent, the server and the connection die at every moment of a turn with a question in it."""
