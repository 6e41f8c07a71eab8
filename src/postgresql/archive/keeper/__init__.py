"""The program that PostgreSQL (archive_command, restore_command) and systemd run.

It is copied to the machine and stands there alone, so that archiving goes on while the charm is
refreshed or removed: nothing here may import anything but the standard library and its
neighbours.
"""
