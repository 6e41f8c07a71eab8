"""The commands, one module per family; each module lists its own in ``COMMANDS``."""
