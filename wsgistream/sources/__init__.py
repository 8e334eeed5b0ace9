"""Sources: bytes from somewhere, one representation for one response; stores find them by path."""
