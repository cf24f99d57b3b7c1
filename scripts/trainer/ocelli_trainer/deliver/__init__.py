"""From a trained network to the files that a device loads."""
