"""What an engine is made of, file by file, and what it opened while it ran."""
