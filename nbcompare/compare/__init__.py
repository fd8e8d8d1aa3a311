"""Two images in, figures out."""
