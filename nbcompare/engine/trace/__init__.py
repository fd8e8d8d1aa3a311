"""What engines print of how a pixel is calculated.

``dialects`` reads it, ``lineup`` lays two traces side by side, ``shares`` splits the ratio of the two pixels.
"""
