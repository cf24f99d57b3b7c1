"""Where the pictures come from: found, checked, drawn or fetched, and brought to the model's size."""
