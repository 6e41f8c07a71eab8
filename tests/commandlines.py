"""What PostgreSQL makes of archive_command and restore_command."""


def as_the_server_runs(command: str, file: str, path: str) -> str:
    """%-escapes as PostgreSQL replaces them; source: replace_percent_placeholders()."""
    out, rest = "", command
    while rest:
        if rest[0] != "%":
            out, rest = out + rest[0], rest[1:]
            continue
        assert rest[1] in "fpr%", f"a stray escape: {rest!r}"
        out, rest = out + {"f": file, "p": path, "%": "%"}.get(rest[1], ""), rest[2:]
    return out
