"""Bench: this project's servers beside others, measured in turn on one machine."""
