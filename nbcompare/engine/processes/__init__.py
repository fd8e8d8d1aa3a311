"""Start a process, bound what it prints, end all that it started."""
