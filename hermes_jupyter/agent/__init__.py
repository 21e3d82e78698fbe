"""How an agent is run: find it, start it, speak its protocol, notice that it died."""
