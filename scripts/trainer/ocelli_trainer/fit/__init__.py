"""The network and its training, and what is measured of it."""
