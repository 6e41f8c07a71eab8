"""The controller of localjuju: one daemon that keeps every model of this host."""
