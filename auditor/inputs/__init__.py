"""What was handed over, as plain bytes: sources, compression, archives, pastes."""
