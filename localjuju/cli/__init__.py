"""The ``juju`` command line of localjuju, the stand-in for Juju on one host.

Texts, exit codes and output shapes are Juju's (3.6 and 4.0, ``cmd/juju`` in its source tree), so
that people and jubilant work as they do with Juju's own client. What the stand-in lacks it says.
"""
