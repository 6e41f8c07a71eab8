"""Pure functions from what was observed to what is to be done.

`record` decides what the leader writes into the cluster record, `unit` what this unit does to its
own machine, `parameters` which values the settings may have that standbys must not have lower
than their primary. Nothing here reads or writes anything, or knows ops; README.md beside it
argues why the rules hold.
"""
