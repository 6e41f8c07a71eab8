"""localjuju: a stand-in for Juju on one host, for trying and testing charms.

It is not Juju: it answers to the part of Juju that a charm, its tests and its reader use.
`localjuju.host` is the floor that everything else stands on: images, machines, links.
"""
