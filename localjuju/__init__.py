"""A stand-in for Juju on one host: the packed charm, unmodified, on real local machines."""
