"""Images that lack bytes of their region, known by the words in which ``regions`` notes it in every manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.model.manifest import Member

_IN_USE = re.compile(r"only the \d+ of \d+ bytes that are in use were read")
_METADATA = re.compile(r"only the \d+ bytes of LVM's metadata were read")


def has_in_use_alone(member: Member) -> bool:
    """Whether it is an image without what its file system does not use."""
    return any(_IN_USE.match(note) for note in member.notes)


def is_image_of_region(member: Member) -> bool:
    """Whether a whole region of the disk comes back from it alone, but for what is not in use."""
    divided = member.logical_volume or any(_METADATA.match(note) for note in member.notes)
    return member.kind == "device" and not divided
