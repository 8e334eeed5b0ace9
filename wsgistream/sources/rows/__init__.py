"""Rows: where the records of an answer come from, each with a connection of its own."""
