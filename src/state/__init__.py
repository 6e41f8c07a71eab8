"""What the charm knows of Juju's side, as typed values.

`record` and `member` are the data that units exchange; `peers` reads and writes them in the
relation, `options` holds the validated configuration, `credentials` the passwords. Only `peers`,
`options` and `credentials` know ops.
"""
