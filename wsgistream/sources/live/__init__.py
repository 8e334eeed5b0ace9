"""Live: sources of what happens now, for any number of viewers."""
