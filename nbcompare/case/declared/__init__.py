"""Engines, adapters and stored images, as a case or a project file declares them."""
