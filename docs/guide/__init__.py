"""The field guide: a printable page for every pitfall of the register."""
