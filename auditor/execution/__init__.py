"""Who reads: this process or several."""
