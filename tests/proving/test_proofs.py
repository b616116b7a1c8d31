"""What is found of an archive, and what follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.estate.ledgers import point
from tests.proving.vaults import ACTION, ESTATE, archived, chill, put, report_of

from backup_actions.archive import Archive, FolderStore, archive
from backup_actions.aws.documents import describe_object
from backup_actions.errors import NotVerified
from backup_actions.ledger import Ledger, Standing
from backup_actions.model.export_manifest import ExportedColumn, ExportedTable, ExportManifest
from backup_actions.model.manifest import StoredObject
from backup_actions.model.progress import Silence
from backup_actions.proving.concluding import Place, conclude, store
from backup_actions.proving.elsewhere import Elsewhere
from backup_actions.proving.proof import Found, Proof, ProofKind, Subject
from backup_actions.proving.reading import prove_again
from backup_actions.proving.sampling import restore_sample

if TYPE_CHECKING:
    from backup_actions.aws import World

POINT = point("snap-1")
EVIDENCE = f"{POINT.prefix('evidence', '2026-05-04')}/evidence.json"
SUBJECT = Subject(recovery_point=POINT, action=ACTION, run="run", evidence_key=EVIDENCE)


@pytest.fixture(name="topic")
def _topic(world: World) -> Iterator[str]:
    """The URL of a queue that hears what people are told."""
    arn = world.clients.sns.create_topic(Name="backup-actions")["TopicArn"]
    url = world.clients.sqs.create_queue(QueueName="told")["QueueUrl"]
    queue = world.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    world.clients.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    yield url
    world.clients.sqs.delete_queue(QueueUrl=url)
    world.clients.sns.delete_topic(TopicArn=arn)


def exported(world: World, content: bytes = b"PAR1 rows PAR1") -> str:
    """The point was exported: one object, which the evidence names; its key."""
    key = f"{archived(world, POINT, name='export.json')}/part-0.parquet"
    put(world, key, content)
    report_of(world, EVIDENCE, key)
    return key


MANY = 8


def exported_in_many(world: World, *, named: int = 5) -> list[str]:
    """The point was exported to more objects than its report names, but for the manifest; their keys."""
    prefix = POINT.prefix(ACTION, "2026-05-04")
    keys = [f"{prefix}/orders/part-{number:03}.parquet" for number in range(MANY)]
    for key in keys:
        put(world, key, f"PAR1 {key[-11:]} PAR1".encode())
    described = [describe_object(world.clients.s3, ESTATE.bucket, key) for key in keys]
    files = tuple(
        StoredObject(name=each.key.removeprefix(f"{prefix}/"), size_bytes=each.size_bytes, crc64nvme=each.crc64nvme)
        for each in described
        if each
    )
    column = ExportedColumn(name="id", type="bigint")
    manifest = ExportManifest(
        tool_version="1",
        created="2026-05-04T12:00:00+00:00",
        kind="rds",
        source={"recovery_point": POINT.to_json()},
        date="2026-05-04",
        as_of="2026-05-04T12:00:00+00:00",
        route="snapshot-export",
        tables=(ExportedTable(path=("shop", "orders"), files=files, rows=MANY, columns=(column,)),),
    )
    archived(world, POINT, manifest=manifest.to_bytes(), name="export.json")
    report_of(world, EVIDENCE, f"{prefix}/export.json", *keys[:named])
    return keys


def prove(world: World) -> Proof:
    return prove_again(world, ESTATE.bucket, SUBJECT, ProofKind.VERIFICATION)


def concluded(world: World, proof: Proof) -> str:
    """The key of the proof, from which everything has followed."""
    key = SUBJECT.proof_key(proof.kind, world.clock.now())
    store(world, ESTATE.bucket, key, proof)
    topic_arn = world.clients.sns.list_topics()["Topics"][0]["TopicArn"]
    conclude(world, Place(bucket=ESTATE.bucket, ledger=ESTATE.ledger, topic_arn=topic_arn, stack="second"), key)
    return key


def told(world: World, url: str) -> list[dict[str, Any]]:
    found = world.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def entry(world: World) -> Any:
    return Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock).entries(str(POINT.arn))[1]


def test_an_export_whose_bytes_are_as_proven_is_good(world: World) -> None:
    exported(world)

    proof = prove(world)

    assert (proof.found, proof.problems) == (Found.GOOD, ())
    assert proof.looked_at == {"objects": 1, "bytes_read": 14, "objects_without_checksum": 0}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"PAR1 rowz PAR1", "has the CRC64NVME"), (b"PAR1", "has 4 bytes, not 14"), (None, "is not there")],
    ids=["another byte", "shorter", "gone"],
)
def test_what_is_not_as_proven_is_damaged(world: World, content: bytes | None, complaint: str) -> None:
    key = exported(world)
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=key)
    if content is not None:
        put(world, key, content)

    proof = prove(world)

    assert proof.found == Found.DAMAGED
    assert key in proof.problems[0]
    assert complaint in proof.problems[0]


def test_another_manifest_is_damage_whatever_it_says(world: World) -> None:
    key = exported(world)
    put(world, f"{key.rpartition('/')[0]}/export.json", b"{}")

    assert "is not the manifest that was proven" in prove(world).problems[0]


def test_without_evidence_nothing_is_proven(world: World) -> None:
    exported(world)
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=EVIDENCE)

    assert prove(world).problems == ("no evidence says what it was when it was made",)


def test_all_objects_of_an_export_are_read_and_not_only_those_that_its_report_names(world: World) -> None:
    exported_in_many(world)

    proof = prove(world)

    assert proof.found == Found.GOOD
    assert proof.looked_at["objects"] == MANY + 1


def test_an_object_that_the_report_does_not_name_is_damaged_too(world: World) -> None:
    keys = exported_in_many(world)
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=keys[6])
    put(world, keys[7], b"rubbish")

    proof = prove(world)

    assert proof.found == Found.DAMAGED
    assert proof.problems == (f"{keys[6]} is not there", f"{keys[7]} has 7 bytes, not 21")


def test_an_object_whose_checksum_s3_does_not_state_any_more_is_read(world: World) -> None:
    key = exported(world)
    body = world.clients.s3.get_object(Bucket=ESTATE.bucket, Key=key)["Body"].read()
    world.clients.s3.put_object(Bucket=ESTATE.bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")

    assert prove(world).found == Found.GOOD


# ---------------------------------------------------------------------------------------------- too cold to be read


def test_what_has_to_be_thawed_is_cold_and_not_damaged(world: World) -> None:
    key = exported(world)
    chill(world, key)

    proof = prove(world)

    assert (proof.found, proof.problems) == (
        Found.COLD,
        (f"{key} lies in DEEP_ARCHIVE and has to be thawed before it is read",),
    )
    assert proof.looked_at == {"objects_compared": 1, "objects_without_checksum": 0, "objects_to_be_thawed": 1}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"PAR1 rowz PAR1", "has the CRC64NVME"), (b"PAR1", "has 4 bytes, not 14")],
    ids=["another byte", "shorter"],
)
def test_what_was_replaced_by_something_cold_is_damaged_without_being_read(
    world: World, content: bytes, complaint: str
) -> None:
    key = exported(world)
    chill(world, key, content)

    proof = prove(world)

    assert proof.found == Found.DAMAGED
    assert complaint in proof.problems[0]


def test_what_is_cold_and_has_lost_its_checksum_was_written_again(world: World) -> None:
    key = exported(world)
    world.clients.s3.put_object(
        Bucket=ESTATE.bucket,
        Key=key,
        Body=b"PAR1 rowz PAR1",
        StorageClass="GLACIER",
        ChecksumAlgorithm="SHA256",
    )

    proof = prove(world)

    assert proof.found == Found.DAMAGED
    assert "was written again since it was proven" in proof.problems[0]


def test_of_what_is_cold_in_part_the_rest_is_looked_for(world: World) -> None:
    keys = exported_in_many(world)
    chill(world, keys[0])
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=keys[7])

    assert (prove(world).found, prove(world).problems) == (Found.DAMAGED, (f"{keys[7]} is not there",))


def test_of_a_manifest_that_is_cold_what_the_evidence_names_is_compared(world: World) -> None:
    keys = exported_in_many(world)
    chill(world, f"{POINT.prefix(ACTION, '2026-05-04')}/export.json")

    cold = prove(world)
    put(world, keys[4], b"rubbish")

    assert (cold.found, cold.looked_at["objects_compared"]) == (Found.COLD, 6)
    assert "what it alone names was not compared" in cold.problems[0]
    assert prove(world).problems == (f"{keys[4]} has 7 bytes, not 21",)


def test_evidence_that_has_to_be_thawed_is_no_damage(world: World) -> None:
    exported(world)
    chill(world, EVIDENCE)

    proof = prove(world)

    assert (proof.found, proof.looked_at) == (Found.COLD, {})
    assert "its evidence lies in DEEP_ARCHIVE" in proof.problems[0]


@pytest.mark.parametrize("name", ["export.json", "evidence.json"])
def test_an_empty_document_is_damage_and_not_cold(world: World, name: str) -> None:
    key = exported(world)
    put(world, EVIDENCE if name == "evidence.json" else f"{key.rpartition('/')[0]}/{name}", b"")

    assert prove(world).found == Found.DAMAGED


@pytest.mark.usefixtures("topic")
def test_a_look_at_what_is_cold_forgets_no_proof_that_has_read_it(world: World) -> None:
    key = exported(world)
    good = concluded(world, prove(world))
    chill(world, key)
    world.clock.sleep(3600)

    look = concluded(world, prove(world))

    proofs = entry(world).details["proofs"]
    assert entry(world).standing == Standing.COLD
    assert (proofs["verification"]["key"], proofs["look"]["key"]) == (good, look)
    assert proofs["look"]["objects_compared"] == 1


# ------------------------------------------------------------------------------------------------------ what follows


def test_a_proof_is_read_as_it_was_written(world: World) -> None:
    exported(world)
    proof = prove(world)

    assert Proof.from_json(json.loads(json.dumps(proof.to_json()))) == proof


@pytest.mark.usefixtures("topic")
def test_a_good_proof_moves_the_archive_to_the_end_of_the_queue(world: World) -> None:
    exported(world)
    world.clock.sleep(timedelta(days=90).total_seconds())

    key = concluded(world, prove(world))

    after = entry(world)
    assert (after.standing, after.since) == (Standing.ARTIFACT, world.clock.now().isoformat())
    assert after.details["proofs"]["verification"]["key"] == key
    assert after.details["stored_bytes"] == 2048, "what was known stays known"


def test_damage_is_told_with_what_to_do_and_the_ledger_says_when_it_was_last_good(world: World, topic: str) -> None:
    key = exported(world)
    before = entry(world).since
    put(world, key, b"other")
    world.clock.sleep(3600)

    concluded(world, prove(world))

    (notice,) = told(world, topic)
    after = entry(world)
    assert (after.standing, after.details["last_proven"]) == (Standing.DAMAGED, before)
    assert "Damaged archive of EBS vol-0c2d" in notice["Subject"]
    assert "Nothing was removed" in notice["Message"]
    assert f"backup-actions replay {POINT.arn} --again --stack second" in notice["Message"]
    assert f"backup-actions prove {POINT.arn} --stack second" in notice["Message"]


def test_what_another_run_has_noted_meanwhile_stays(world: World, topic: str) -> None:
    exported(world)
    proof = prove(world)
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(POINT, ACTION, run="run-2", status="verified", details={})

    concluded(world, proof)

    assert (entry(world).run, entry(world).details) == ("run-2", {})
    assert told(world, topic) == []


def test_without_a_proof_nothing_follows(world: World) -> None:
    with pytest.raises(NotVerified, match="there is no proof"):
        conclude(
            world, Place(bucket=ESTATE.bucket, ledger=ESTATE.ledger, topic_arn="", stack="second"), "proofs/none.json"
        )


# ----------------------------------------------------------------------------------------------------- restore tests


@pytest.fixture(name="kept", scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """An archive of 150 small files."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("kept")
    for number in range(150):
        (source / f"file-{number}").write_bytes(bytes([number]) * (number + 1))
    kept = FolderStore(folder)
    archive(source, kept, name="files")
    return kept


def sampled(kept: FolderStore, scratch: Path, lot: str = "today") -> tuple[list[str], Any]:
    return restore_sample(kept, Archive.open(kept).manifest, lot=lot, progress=Silence(), scratch=scratch)


def test_a_sample_is_restored_compared_and_gone(kept: FolderStore, tmp_path: Path) -> None:
    problems, figures = sampled(kept, tmp_path)

    assert (problems, figures["files"]) == ([], 100)
    assert list(tmp_path.iterdir()) == []


def test_the_same_lot_takes_the_same_sample_and_another_one_another(kept: FolderStore, tmp_path: Path) -> None:
    assert sampled(kept, tmp_path)[1] == sampled(kept, tmp_path)[1]
    assert sampled(kept, tmp_path)[1]["bytes"] != sampled(kept, tmp_path, "tomorrow")[1]["bytes"]


def test_what_cannot_be_restored_is_named(kept: FolderStore, tmp_path: Path) -> None:
    (member,) = Archive.open(kept).manifest.members
    stored = Path(kept.location) / member.object.name
    sound = stored.read_bytes()
    stored.write_bytes(bytes(len(sound)))

    problems, _ = sampled(kept, tmp_path)

    stored.write_bytes(sound)
    assert len(problems) == 100
    assert "cannot be restored" in problems[0]


# ------------------------------------------------------------------------------------------------- restored elsewhere


def restored_elsewhere(world: World, answer: dict[str, Any], **document: Any) -> Proof:
    """The proof of an export that was restored elsewhere, as the machine that did it has answered."""
    key = exported(world)
    manifest = world.clients.s3.get_object(Bucket=ESTATE.bucket, Key=f"{key.rpartition('/')[0]}/export.json")
    digest = hashlib.sha256(manifest["Body"].read()).hexdigest()
    stored = {"manifest_sha256": digest, "problems": [], "restored": {"rows": 3}, **document}
    put(world, "proofs/x-restored.json", json.dumps(stored).encode())
    elsewhere = Elsewhere.answered(world, ESTATE.bucket, answer)
    return prove_again(world, ESTATE.bucket, SUBJECT, ProofKind.RESTORE, elsewhere=elsewhere)


ANSWER = {"documentKey": "proofs/x-restored.json", "usage": {"database_hours:db.t4g.medium": 0.5}}


def test_what_was_restored_elsewhere_is_in_the_proof_with_what_it_used(world: World) -> None:
    proof = restored_elsewhere(world, ANSWER)

    assert (proof.found, proof.problems) == (Found.GOOD, ())
    assert proof.looked_at["restored"] == {"rows": 3, "document": "proofs/x-restored.json"}
    assert proof.usage["database_hours:db.t4g.medium"] == 0.5


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"problems": ["shop: table orders: 2 rows instead of 3"]}, "shop: table orders: 2 rows instead of 3"),
        ({"manifest_sha256": "another"}, "what was restored in the test is of another manifest than this one"),
    ],
    ids=["differs", "another-manifest"],
)
def test_what_does_not_restore_elsewhere_is_damaged(world: World, document: dict[str, Any], problem: str) -> None:
    proof = restored_elsewhere(world, ANSWER, **document)

    assert (proof.found, proof.problems) == (Found.DAMAGED, (problem,))


def test_what_could_not_be_restored_elsewhere_says_why_and_is_no_damage(world: World) -> None:
    proof = restored_elsewhere(world, {"notRestored": "RDS offers none"}, problems=["never looked at"])

    assert proof.found == Found.GOOD
    assert proof.looked_at["not_restored_elsewhere"] == "RDS offers none"


def test_a_test_whose_document_is_gone_is_no_proof(world: World) -> None:
    with pytest.raises(NotVerified, match="gone-restored"):
        restored_elsewhere(world, {"documentKey": "proofs/gone-restored.json"})
