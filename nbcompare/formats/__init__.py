"""Image files of any format, read as they are and never guessed at."""
