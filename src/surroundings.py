"""What Juju tells the charm in one hook."""

from __future__ import annotations

from dataclasses import dataclass

import ops

from state import credentials, peers
from state.credentials import Credentials
from state.options import Options
from state.peers import Peers
from state.together import together


@dataclass(frozen=True)
class Surroundings:
    """What Juju tells the charm in this hook.

    Attributes:
        peers: the relation as it stood when the hook began.
        options: the operator's wishes.
        leader: whether this unit leads.
        address: where the other units reach this one; empty while Juju names none.
        credentials: the passwords, once there are any.
    """

    peers: Peers
    options: Options
    leader: bool
    address: str
    credentials: Credentials | None

    @classmethod
    def read(cls, charm: ops.CharmBase) -> Surroundings:
        """Reads all of it once, before anything is written: rule R2 rests on that.

        Raises:
            RecordUnreadable: if the application's data bag holds something else than a record.
        """
        # Who leads is asked first, the record read after it: rule R6.
        leader = charm.unit.is_leader()
        binding = charm.model.get_binding(peers.RELATION)
        relation = charm.model.get_relation(peers.RELATION)
        passwords, *_ = together(
            lambda: credentials.read(charm.model, peers.credentials_id(relation, charm.app)),
            # ops keeps what it was told of these, and it is read below.
            lambda: charm.config.get(""),
            lambda: binding.network if relation else None,
            *peers.bags(relation, charm.unit),
        )
        known = peers.read(charm.model, charm.unit, charm.app)
        return cls(
            peers=known,
            options=Options.from_config(charm.config),
            leader=leader,
            address=_address(binding.network) if known.joined else "",
            credentials=passwords,
        )


def _address(network: ops.Network) -> str:
    return str(network.ingress_address or network.bind_address or "")
