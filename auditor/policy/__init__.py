"""The user's settings: the model, the files, where each value came from."""
