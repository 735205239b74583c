"""Arms of a service: which method serves which users, with which memory, and whether it learns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from billp.graphs.live import own_memory
from billp.graphs.methods import Method
from billp.graphs.users import Users

ArmName = Literal["served", "control"]


@dataclass(frozen=True)
class Arm:
    """A method for some of the users. `memory` is None if each of them has their own."""

    name: ArmName
    method: Method
    memory: str | None
    learns: bool
    users: Users

    def memory_of(self, person: str) -> str:
        """Returns the memory that the person's sessions read; empty if the method has none."""
        if not self.method.remembers:
            return ""
        return own_memory(person) if self.memory is None else self.memory

    def may_learn_from(self, person: str) -> bool:
        """Returns whether the person's sessions teach; sessions named after a test user of the logs never do."""
        return self.learns and self.users.may_teach("train", person)


@dataclass(frozen=True)
class Arms:
    """The served method, and a control for a share of the users."""

    served: Arm
    control: Arm | None = None
    share: float = 0.0
    salt: str = ""

    @property
    def all(self) -> list[Arm]:
        """All arms."""
        return [self.served] if self.control is None else [self.served, self.control]

    def of(self, person: str) -> Arm:
        """Returns the person's arm, always the same: by a hash of the name, which no user can influence."""
        if self.control is None:
            return self.served
        digest = hashlib.sha256(f"{self.salt}\0{person}".encode()).digest()
        return self.control if int.from_bytes(digest[:8], "big") < self.share * 2**64 else self.served
