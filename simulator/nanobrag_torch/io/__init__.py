"""Files read and written, one module for each format."""
