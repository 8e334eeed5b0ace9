"""Rules: pure functions of data, without a file, socket, clock, sleep or thread."""
