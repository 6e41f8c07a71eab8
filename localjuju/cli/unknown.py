"""What to say of commands that the stand-in does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_NAMES = """
add-cloud add-credential add-k8s add-secret-backend add-space add-ssh-key add-storage add-user
attach-resource attach-storage autoload-credentials bind bootstrap change-user-password
charm-resources clouds constraints consume controller-config create-backup create-storage-pool
credentials dashboard debug-code debug-hook debug-hooks default-credential default-region
destroy-controller detach-storage diff-bundle disable-command disable-user disabled-commands
download download-backup enable-command enable-destroy-controller enable-ha enable-user
export-bundle find find-offers firewall-rules grant grant-cloud help-action-commands
help-hook-commands import-filesystem import-ssh-key info kill-controller list-ssh-keys
list-storage login logout migrate model-defaults model-secret-backend move-to-space offer
offers regions register reload-spaces remove-cloud remove-credential remove-k8s remove-offer
remove-saas remove-secret-backend remove-space remove-ssh-key remove-storage
remove-storage-pool remove-user rename-space resources resume-relation retry-provisioning
revoke revoke-cloud scale-application secret-backends set-application-base set-constraints
set-credential set-default-credentials set-default-region set-firewall-rule
set-model-constraints show-cloud show-controller show-credential show-offer show-secret-backend
show-space show-storage show-user spaces ssh-keys storage storage-pools subnets
suspend-relation sync-agent-binary unregister update-cloud update-credential update-k8s
update-public-clouds update-secret-backend update-storage-pool upgrade-controller
upgrade-machine upgrade-model users wait-for
"""
JUJU_COMMANDS = frozenset(_NAMES.split())
"""Commands of Juju 3.6 and 4.0; those that the stand-in has are found before this is asked."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the command that was probably meant, if any comes near."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
    return found[0] if found else None
