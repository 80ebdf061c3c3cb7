"""Text that is safe to show: escaping, widths, colour, pages, masks."""
