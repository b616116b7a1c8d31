"""What an image lacks is known from its manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.archive.programs import run

from backup_actions.archive import ArchiveOptions, FolderStore, archive
from backup_actions.archive.partial_images import has_in_use_alone, is_image_of_region
from backup_actions.model.manifest import Member


def imaged(folder: Path, *, whole: bool) -> Member:
    """The one member of an archive of an ext4."""
    image = folder / "ext4.img"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    run("mkfs.ext4", "-q", image)
    options = ArchiveOptions(raw="always", whole_images=whole)
    (member,) = archive(image, FolderStore(folder / "archive"), options=options).members
    return member


@pytest.mark.parametrize("whole", [False, True])
def test_an_image_says_whether_it_lacks_what_is_not_in_use(tmp_path: Path, whole: bool) -> None:
    member = imaged(tmp_path, whole=whole)

    assert has_in_use_alone(member) is not whole
    assert is_image_of_region(member)


def test_files_logical_volumes_and_lvm_s_metadata_are_no_images_of_a_region(tmp_path: Path) -> None:
    member = imaged(tmp_path, whole=True)
    metadata = "only the 1048576 bytes of LVM's metadata were read; its logical volumes are members of their own"

    assert not is_image_of_region(replace(member, kind="files"))
    assert not is_image_of_region(replace(member, logical_volume="root"))
    assert not is_image_of_region(replace(member, notes=(metadata,)))
