"""The agent of a local machine: it runs the charm's hooks.

Everything here uses the standard library only (and PyYAML for YAML output, where it is there):
it runs with the Python of the machine's own image. The controller copies the package into the
machine; nothing outside it may be imported.
"""
