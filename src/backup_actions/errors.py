"""Every error: a stable code, a sentence, a remedy, an exit code, and whether trying again can help.

Codes are never reused. The sentence is lower case without a full stop; the remedy is a full sentence.
``docs/errors.md`` is generated from this file.
"""

from __future__ import annotations

from typing import ClassVar


class BackupActionsError(Exception):
    """The root of every error that a user may see.

    A subclass states its sentence and remedy once, with the facts as placeholders; raising it takes the facts:
    ``raise VolumeTooSmall(requested_gib=8, needed_gib=20)``.
    """

    code: ClassVar[str] = "BA0000"
    sentence: ClassVar[str] = "{what}"
    remedy: ClassVar[str] = "Report this as a bug, with the command and its output."
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        self.hint = self.remedy.format(**facts)
        super().__init__(self.sentence.format(**facts))

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"

    def __reduce__(self) -> tuple[object, ...]:
        """It may be raised in one process and met in another."""
        return _remade, (type(self), self.facts)


def _remade(kind: type[BackupActionsError], facts: dict[str, object]) -> BackupActionsError:
    return kind(**facts)


# ------------------------------------------------------------------------------- BA01xx: what a person gave us


class SettingsInvalid(BackupActionsError):
    """The settings file has one or more mistakes; each is on a line of its own."""

    code = "BA0101"
    sentence = "{path} has {count} mistake(s):\n{mistakes}"
    remedy = "Correct the lines above; `backup-actions check --schema` prints every setting with its type and limits."
    exit_code = 2


class SettingsUnreadable(BackupActionsError):
    """The settings file is missing or is not YAML."""

    code = "BA0102"
    sentence = "cannot read the settings file {path}: {reason}"
    remedy = (
        "Correct what is named above, name another file, or write one with "
        "`backup-actions check --example > backup-actions.yaml`."
    )
    exit_code = 2


class SettingInvalid(BackupActionsError):
    """One setting has a value outside its limits."""

    code = "BA0103"
    sentence = "setting {name} is {value!r}: {reason}"
    remedy = "Change the value of {name}."
    exit_code = 2


class ActionUnknown(BackupActionsError):
    """No installed action has this name."""

    code = "BA0104"
    sentence = "there is no action {name!r}"
    remedy = "Installed are: {installed}."
    exit_code = 2


class ActionBroken(BackupActionsError):
    """An installed action cannot be loaded, or contradicts itself."""

    code = "BA0105"
    sentence = "action {name!r} of package {package} cannot be used: {reason}"
    remedy = "Repair or uninstall {package}; the other actions are not affected."
    exit_code = 2


class LocationInvalid(BackupActionsError):
    """A place on the command line is neither a folder nor a bucket with a prefix."""

    code = "BA0106"
    sentence = "cannot use {location!r} as a place: {reason}"
    remedy = "Write s3://bucket/prefix, or the path of a folder."
    exit_code = 2


class NewActionRefused(BackupActionsError):
    """The package of a new action cannot be written."""

    code = "BA0107"
    sentence = "cannot write a package for the action {name!r}: {reason}"
    remedy = "Choose another name, as in archive-files, or another --directory; nothing was written."
    exit_code = 2


class AccountUnfit(BackupActionsError):
    """The settings cannot be deployed in the account as it is, or would not work there."""

    code = "BA0108"
    sentence = "{count} thing(s) of the account {account} do not fit {path}: {subjects}"
    remedy = "Put right what stands under `wrong`, in the account or in the settings, and check again."


class DeploymentUnknown(BackupActionsError):
    """A settings file holds several deployments and none of them was named, or holds none of that name."""

    code = "BA0109"
    sentence = "{path} holds {known}: {asked} does not choose one"
    remedy = "Name one of them with --deployment."
    exit_code = 2


class ActionUndeployable(BackupActionsError):
    """An action of a third party could not run where it would be deployed."""

    code = "BA0110"
    sentence = "action {name!r} cannot be deployed: {reason}"
    remedy = (
        "Functions have the standard library, boto3 and the packages of actions: do it in a job, whose image has what "
        "the package requires or is named by Job(image=…); keep what only jobs use in modules that no task imports."
    )
    exit_code = 2


class AnswerUnwritable(BackupActionsError):
    """What a command answers cannot be written to stdout."""

    code = "BA0111"
    sentence = "cannot write the answer to stdout: {reason}"
    remedy = "Make room, or send it elsewhere. What the command did besides is done."
    exit_code = 5


# ------------------------------------------------------------------------------------ BA02xx: events and points


class MalformedEvent(BackupActionsError):
    """An event names AWS Backup as its source but cannot be understood."""

    code = "BA0201"
    sentence = "cannot understand the event: {reason}"
    remedy = "Compare the event in the dead-letter queue with the AWS Backup event reference, then send it again."


class MalformedArn(BackupActionsError):
    """A text that should be an Amazon Resource Name is not."""

    code = "BA0202"
    sentence = "{text!r} is not an ARN: {reason}"
    remedy = "An ARN reads arn:partition:service:region:account:resource."
    exit_code = 2


class MalformedMessage(BackupActionsError):
    """A message between accounts is none of ours."""

    code = "BA0203"
    sentence = "the message cannot be understood: {reason}"
    remedy = "Nothing was done. Find out who sent it: only the other account's stack should write to this queue."


# ------------------------------------------------------------------------------------------ BA03xx: AWS itself


class AwsCallFailed(BackupActionsError):
    """AWS answered a call with an error that trying again will not cure."""

    code = "BA0301"
    sentence = "{operation} failed with {error_code}: {reason}"
    remedy = "Look the error code up in the reference of that API; AccessDenied names the missing permission."


class AwsBusy(BackupActionsError):
    """AWS asked us to slow down, or had a fault of its own."""

    code = "BA0302"
    sentence = "{operation} was not served ({error_code}): {reason}"
    remedy = "Try again later; the workflow does so by itself."
    retryable = True


class AwsNotConfigured(BackupActionsError):
    """This machine does not say as whom, or in which region, AWS should be called."""

    code = "BA0304"
    sentence = "cannot call AWS: {reason}"
    remedy = "Set credentials and region, by AWS_PROFILE for instance; `aws sts get-caller-identity` tells who you are."
    exit_code = 5


# -------------------------------------------------------------------------------------------- BA04xx: archives


class SourceUnreadable(BackupActionsError):
    """Something of the source could not be read: the archive would be incomplete, so it does not count as one."""

    code = "BA0401"
    sentence = "cannot read {what}: {reason}"
    remedy = "Nothing was deleted. Check the source; an archive is complete only if everything was read."


class UploadFailed(BackupActionsError):
    """An object could not be stored."""

    code = "BA0402"
    sentence = "cannot store {what}: {reason}"
    remedy = "Nothing was deleted and the unfinished upload was removed. Check permissions, quotas and the network."
    retryable = True


class ArchiveMissing(BackupActionsError):
    """There is no complete archive at this place: without its manifest, data is never read as an archive."""

    code = "BA0403"
    sentence = "there is no complete archive at {where}: {reason}"
    remedy = "Give the folder or prefix that holds manifest.json."
    exit_code = 3


class ArchiveDamaged(BackupActionsError):
    """What is stored is not what was written."""

    code = "BA0404"
    sentence = "the archive at {where} is damaged: {reason}"
    remedy = (
        "Do not delete the backup it was made from. Restore from another copy, or archive the recovery point again."
    )
    exit_code = 4


class ArchiveExists(BackupActionsError):
    """A complete archive stands already where a new one should be written."""

    code = "BA0405"
    sentence = "a complete archive stands at {where} already"
    remedy = "Choose another destination; an archive is never overwritten."
    exit_code = 2


class NotInArchive(BackupActionsError):
    """No entry of the archive has this path."""

    code = "BA0406"
    sentence = "{path!r} is not in the archive at {where}"
    remedy = "List what it holds with `backup-actions list {where}`."
    exit_code = 3


class ManifestUnreadable(BackupActionsError):
    """A manifest is not one of ours, or of a version that this program does not know."""

    code = "BA0407"
    sentence = "cannot read the manifest: {reason}"
    remedy = "Use a version of this program that knows the format version named in the manifest."
    exit_code = 4


class UnsafePath(BackupActionsError):
    """An entry would be written outside the target folder."""

    code = "BA0408"
    sentence = "refusing to extract {path!r}: it would leave the target folder"
    remedy = "The archive was made by something else or was altered; inspect it with `backup-actions list`."
    exit_code = 4


class ToolMissing(BackupActionsError):
    """A program of the operating system is needed and is not there."""

    code = "BA0409"
    sentence = "the program {program} is needed to {purpose} and was not found"
    remedy = "Install it ({package} on Debian and Ubuntu)."
    exit_code = 5


class DeviceUnavailable(BackupActionsError):
    """No loop device or no permission to make one: file systems cannot be mounted."""

    code = "BA0410"
    sentence = "cannot make a loop device for {what}: {reason}"
    remedy = "Run as root and free a loop device (`losetup -a` lists them), or archive the device raw."
    exit_code = 5


class DiskFull(BackupActionsError):
    """There is not enough room where something has to be written."""

    code = "BA0411"
    sentence = "{path} has {free_mib} MiB free and {needed_mib} MiB are needed"
    remedy = "Free some space or name another place."
    exit_code = 5


class ExtractionFailed(BackupActionsError):
    """Something of an archive could not be written where it was wanted."""

    code = "BA0412"
    sentence = "cannot extract to {path}: {reason}"
    remedy = "Extract into an empty folder, as root where owners, devices and every attribute are wanted."
    exit_code = 5


class SearchIncomplete(BackupActionsError):
    """Some of the archives that should have been searched could not be read."""

    code = "BA0413"
    sentence = "{count} of {total} archives at {where} could not be searched"
    remedy = "Each is named above with its error; look closer with `backup-actions verify`."
    exit_code = 4


class ArchiveInterrupted(BackupActionsError):
    """An archive was interrupted, and what was done of it is kept for the same command to go on with."""

    code = "BA0414"
    sentence = "the archive at {where} is not finished, {reason}; kept are {kept}"
    remedy = "Run the same command with --resume to go on. To give it up, remove {where}/resume and what is kept."
    exit_code = 75
    retryable = True


class ArchiveUnreadable(BackupActionsError):
    """What lies in a folder cannot be read there, whatever it holds."""

    code = "BA0415"
    sentence = "cannot read {path}: {reason}"
    remedy = "Nothing is said of what it holds. Look who may read it, and whether its disk is well."
    exit_code = 5


# -------------------------------------------------------------------------------------- BA05xx: the EBS archive


class VolumeNotFound(BackupActionsError):
    """The attached volume did not appear among the block devices."""

    code = "BA0501"
    sentence = "volume {volume_id} was attached but no block device carries its serial after {waited_seconds:.0f} s"
    remedy = "The instance must be a Nitro instance and its /dev and /sys must be visible in the container."
    retryable = True


class VolumeBusy(BackupActionsError):
    """The volume stays attached to another instance, even after a forced detach."""

    code = "BA0502"
    sentence = "volume {volume_id} is still attached to {instance_id} after {waited_seconds:.0f} s"
    remedy = "The next attempt tries again; an instance that lost its Spot capacity lets go when it has stopped."
    retryable = True


class VolumeHasProductCodes(BackupActionsError):
    """The volume was made from a snapshot of something bought in AWS Marketplace; jobs run on running instances."""

    code = "BA0503"
    sentence = "volume {volume_id} has product codes of AWS Marketplace, so EC2 attaches it to stopped instances alone"
    remedy = "Set `read_from` of `ebs-archive` to auto or snapshot: then the snapshot itself is read, without a volume."


class HostFull(BackupActionsError):
    """The host that the job runs on has as many volumes as it can have."""

    code = "BA0504"
    sentence = "volume {volume_id} cannot be attached to {instance_id}, which has no room for it: {reason}"
    remedy = "The next attempt tries again, mostly on another host; volumes of other jobs make room when these end."
    retryable = True


# ------------------------------------------------------------------------------ BA0511 and on: exports of databases


class ParquetUnreadable(BackupActionsError):
    """A file of an export is no whole Parquet file."""

    code = "BA0511"
    sentence = "cannot read {where} as Parquet: {reason}"
    remedy = "The export is not whole: keep the backup and export it again."
    exit_code = 4


class CorruptExport(BackupActionsError):
    """A data file of an export is not what the export's manifest says."""

    code = "BA0512"
    sentence = "the data file {file} of the export is corrupt: {reason}"
    remedy = "Keep the backup and export it again."
    exit_code = 4


class ExportMissing(BackupActionsError):
    """There is no complete export at this place: without its manifest, data is never read as an export."""

    code = "BA0513"
    sentence = "there is no complete export at {where}: {reason}"
    remedy = "Give a folder or prefix that holds an export.json, or in which some lie."
    exit_code = 3


class QueryFailed(BackupActionsError):
    """DuckDB refuses a query, or cannot carry it out."""

    code = "BA0514"
    sentence = "the query fails: {reason}"
    remedy = "List tables and columns with `backup-actions query {where} --tables`; odd names need double quotes."
    exit_code = 2


class TableUnknown(BackupActionsError):
    """No export at this place has a table of this name."""

    code = "BA0515"
    sentence = "there is no table {name!r} in the exports at {where}"
    remedy = "Known are {known}."
    exit_code = 3


class WorkerDied(BackupActionsError):
    """A process that converts an export ended before its work was done."""

    code = "BA0516"
    sentence = "a process that converts has ended: {reason}"
    remedy = "Give the job more memory, or fewer workers; each worker takes about 300 MiB."
    exit_code = 5
    retryable = True


# ------------------------------------------------------------------------------ BA052x: the DynamoDB export


class RouteImpossible(BackupActionsError):
    """The settings force a way to the items of a backup that does not exist for it."""

    code = "BA0521"
    sentence = "the items cannot be exported by the route {route}: {reason}"
    remedy = (
        "Set `route: auto`, which restores the backup to a temporary table where the table's history does not help."
    )


class BucketElsewhere(BackupActionsError):
    """The archive bucket is in another region than everything that has to write to it."""

    code = "BA0522"
    sentence = "the bucket {bucket} is in {bucket_region}, and its exports are made in {region}"
    remedy = "Name a bucket of the stack's region in `archive_bucket`: keys encrypt in their own region alone."


# ------------------------------------------------------------------------------------ BA053x: native dumps


class DatabaseUnreachable(BackupActionsError):
    """No database server answers, or it does not let us in."""

    code = "BA0531"
    sentence = "cannot connect to {where}: {reason}"
    remedy = "Check host, port, user, password and certificate, and that the network lets this machine in."
    exit_code = 3
    retryable = True


class DumpFailed(BackupActionsError):
    """A dump program did not write everything."""

    code = "BA0532"
    sentence = "{what} could not be dumped: {reason}"
    remedy = "Nothing was left behind; correct what the program says and dump again."
    exit_code = 5


class LoadFailed(BackupActionsError):
    """A dump could not be loaded into a database."""

    code = "BA0533"
    sentence = "{what} could not be loaded: {reason}"
    remedy = "What was loaded before is still there: drop it, correct what the server says, and load again."
    exit_code = 5


class TargetNotEmpty(BackupActionsError):
    """A database that a dump should be loaded into has something in it."""

    code = "BA0534"
    sentence = "the database {database!r} at {where} is not empty"
    remedy = "Load into another server, or drop the database; --replace drops it for you."
    exit_code = 2


class TargetUnfit(BackupActionsError):
    """A server is not one that a dump can be loaded into."""

    code = "BA0535"
    sentence = "the server at {where} should not be given this dump: {reason}"
    remedy = "Load it into a server of the same product and at least the same version."
    exit_code = 2


class DatabaseUnknown(BackupActionsError):
    """A database or table that a dump does not hold."""

    code = "BA0536"
    sentence = "there is no {what} in the dump at {where}"
    remedy = "It holds {known}."
    exit_code = 3


class RestoredDiffers(BackupActionsError):
    """A restored database is not what was dumped."""

    code = "BA0537"
    sentence = "what was restored from {where} is not what was dumped: {differences}"
    remedy = "Keep the backup, and verify the archive with `backup-actions verify {where}`."
    exit_code = 4


class NotADump(BackupActionsError):
    """An archive of files or of a device cannot be loaded into a database."""

    code = "BA0538"
    sentence = "{where} is no dump of a database: {reason}"
    remedy = "Get files and images back with `backup-actions extract {where}`."
    exit_code = 2


class DatabaseUrlInvalid(BackupActionsError):
    """A place on the command line is not a database server."""

    code = "BA0539"
    sentence = "cannot use {url!r} as a database server: {reason}"
    remedy = (
        "Write postgresql://user@host:port/database or mysql://user@host:port/database, with ?sslrootcert=FILE for TLS."
    )
    exit_code = 2


# ------------------------------------------------------------------------------------ BA06xx: the embedded AWS


class PortInUse(BackupActionsError):
    """The port that was asked for is taken."""

    code = "BA0601"
    sentence = "port {port} of 127.0.0.1 is in use"
    remedy = "Leave out --port to have a free one chosen, or stop the program that uses it."
    exit_code = 5


class EmbeddedServerFailed(BackupActionsError):
    """A server of the embedded AWS did not start."""

    code = "BA0602"
    sentence = "{server} did not start: {reason}"
    remedy = "The end of its log is above; run again with --keep DIR to keep the whole log."
    exit_code = 5


class NotEmbedded(BackupActionsError):
    """The embedded AWS refuses what it does not know rather than guessing."""

    code = "BA0603"
    sentence = "the embedded AWS does not know {what}"
    remedy = (
        "Bring it with the action's package, as a BroughtService in the entry points backup_actions.services, by "
        "botocore's name of the service, or leave the call out."
    )


class EmbeddedAwsMissing(BackupActionsError):
    """The package of the embedded AWS is not installed."""

    code = "BA0604"
    sentence = "the embedded AWS is not installed"
    remedy = "Install it with `pip install aws-backup-actions[local]`."
    exit_code = 5


class SampleMissing(BackupActionsError):
    """An action is to be tried, and nobody has said on what."""

    code = "BA0605"
    sentence = "there is nothing to try action {name!r} on: the embedded AWS makes no backups of {handles}"
    remedy = (
        "Announce a function of (cloud) that returns a Sample as {name} in the entry points "
        "backup_actions.samples; `backup-actions new-action` writes one."
    )
    exit_code = 2


class SampleBroken(BackupActionsError):
    """What an action is to be tried on cannot be made."""

    code = "BA0606"
    sentence = "the sample of action {name!r} cannot be used: {reason}"
    remedy = "Correct what the entry point {value} of backup_actions.samples names."
    exit_code = 2


class SuiteMissing(BackupActionsError):
    """The package with the test suite for actions is not installed."""

    code = "BA0607"
    sentence = "what writes and tests new actions is not installed"
    remedy = "Install it with `pip install aws-backup-actions[testing]`."
    exit_code = 5


class BroughtServiceBroken(NotEmbedded):
    """What a package brings for the embedded AWS cannot be used; the rest of the embedded AWS is not affected."""

    code = "BA0608"
    sentence = "the embedded AWS has no use for what {package} brings of {service}: {reason}"
    remedy = "Repair the entry point {service} of backup_actions.services, or uninstall {package}."


class DefinitionInvalid(BackupActionsError):
    """The embedded AWS cannot run a workflow as AWS would; each mistake is on a line of its own."""

    code = "BA0620"
    sentence = "the definition of the state machine {name} has {count} mistake(s):\n{mistakes}"
    remedy = "Correct the workflow file, or teach backup_actions_local what it does not know, with a test."


# ------------------------------------------------------------------------------- BA07xx: the life of a point


class NotVerified(BackupActionsError):
    """Something that must have been verified was not: nothing may be deleted."""

    code = "BA0702"
    sentence = "the backup is kept: {reason}"
    remedy = "Read the evidence named above, correct the cause and replay the recovery point."


class CopyNotGone(BackupActionsError):
    """A copy that nobody needs any more is still being removed."""

    code = "BA0710"
    sentence = "the acknowledgement came late, and {what}"
    remedy = "The message comes again by itself. If it ends as a dead letter, delete the copy by hand."


class AnnouncementRefused(BackupActionsError):
    """An announcement is not true, or does not come from who it should come from."""

    code = "BA0720"
    sentence = "the announcement is refused: {reason}"
    remedy = "Nothing was done. Compare it with the settings of both accounts, and ask the source who announced it."


class NotShared(BackupActionsError):
    """A snapshot of another account is not there, or not shared with this one any more."""

    code = "BA0721"
    sentence = "the snapshot {snapshot} is not there or not shared with this account: {reason}"
    remedy = "The source account shares it again and announces it again, or lets its backup be copied anew."


class KeyDisabled(BackupActionsError):
    """A key that a copy needs is disabled."""

    code = "BA0722"
    sentence = "the key {key} is disabled"
    remedy = "Its owner enables it, if it was not disabled for a reason; the import is tried again by itself."


class KeyPendingDeletion(BackupActionsError):
    """A key that a copy needs is about to be deleted."""

    code = "BA0723"
    sentence = "the key {key} is pending deletion"
    remedy = "Cancel its deletion and enable it: without the key nobody ever reads what it encrypts."


class KeyNotAccessible(BackupActionsError):
    """A key that a copy needs cannot be used: its policy or a grant was changed, or it is gone."""

    code = "BA0724"
    sentence = "a key that the copy needs, {keys}, cannot be used: {reason}"
    remedy = "Compare the policies of both keys with what the two stacks deploy, and put them right."


class QuotaExceeded(BackupActionsError):
    """The account has as many snapshots, or copies under way, as it may have."""

    code = "BA0725"
    sentence = "the account's quota of snapshots or of copies is used up: {reason}"
    remedy = "Have the quota raised, or shorten the retention of imports."


class CopyFailed(BackupActionsError):
    """A copy of a shared snapshot came to nothing."""

    code = "BA0726"
    sentence = "the copy {name} failed: {reason}"
    remedy = "It is removed and tried again by itself; look at the source's snapshot if it fails again."


class ImportUnlike(BackupActionsError):
    """An imported snapshot is not what was announced."""

    code = "BA0727"
    sentence = "the imported snapshot {snapshot} is not what was announced: {reason}"
    remedy = "It is removed. Find out what the source shared: what it announced and what it shared are not the same."


class ImportChanged(BackupActionsError):
    """Two have changed what the ledger says of an import at the same time."""

    code = "BA0728"
    sentence = "what is known of the import of {snapshot} has changed meanwhile"
    remedy = "Nothing was overwritten; trying again reads the new state first."
    retryable = True


class ImportUnknown(BackupActionsError):
    """The ledger of a separated account knows no such import."""

    code = "BA0740"
    sentence = "the ledger knows no import {arn}"
    remedy = "Name one of those that `backup-actions imports list` prints."
    exit_code = 3


class HoldRefused(BackupActionsError):
    """An import cannot be put under a hold."""

    code = "BA0741"
    sentence = "{arn} cannot be held: {reason}"
    remedy = "An import can be held once it is verified and until it is being removed: hold another of the resource."
    exit_code = 3


class NotSeparated(BackupActionsError):
    """A settings file is not that of a separated account."""

    code = "BA0742"
    sentence = "{path} has no section imports: nothing is imported by it"
    remedy = "Name the settings file that the separated account was deployed with."
    exit_code = 2


class ForgetRefused(BackupActionsError):
    """An import cannot be forgotten: it is there, or somebody wants it."""

    code = "BA0743"
    sentence = "{arn} cannot be forgotten: {reason}"
    remedy = "Only what AWS does not show any more can be forgotten, and nothing under a hold: release it first."
    exit_code = 3


class VaultUnknown(BackupActionsError):
    """A backup is asked for in a vault that is not there."""

    code = "BA0751"
    sentence = "there is no backup vault {vault} in account and region of these credentials"
    remedy = "There are: {known}."
    exit_code = 3


class BackupFailed(BackupActionsError):
    """A backup that was asked for has come to nothing."""

    code = "BA0752"
    sentence = "the backup job {job} of {resource} has ended as {state}: {reason}"
    remedy = "There is no backup of it: begin nothing that needs one. Correct the cause and ask for it again."


class PlansUnknown(BackupActionsError):
    """Neither the command line nor a stack of backup plans says where a backup goes and under which role it is made."""

    code = "BA0753"
    sentence = "the stack {stack} does not say into which vault and under which role to back up: {reason}"
    remedy = "Give --vault and --role, or deploy the settings' section backup_plans; --stack names another deployment."
    exit_code = 2


# --------------------------------------------------------------------------------------------- BA08xx: the estate


class StackUnknown(BackupActionsError):
    """The stack of the deployment is not there."""

    code = "BA0801"
    sentence = "there is no stack {stack} in account and region of these credentials"
    remedy = "Name it with --stack: it is called as the settings file says under `name`, or choose another region."
    exit_code = 3


class StackUnlike(BackupActionsError):
    """A stack does not tell what its deployment consists of, or not in the words of this version."""

    code = "BA0802"
    sentence = "the stack {stack} does not tell what its deployment consists of: {reason}"
    remedy = "Is it the stack of another program? If not, deploy it again with this version."
    exit_code = 2


class PointUnknown(BackupActionsError):
    """The ledger knows neither a recovery point nor a resource of that name."""

    code = "BA0803"
    sentence = "the ledger knows nothing of {arn}"
    remedy = "Give the ARN of a recovery point or of what is backed up; `backup-actions status --json` names them."
    exit_code = 3


class ReplayRefused(BackupActionsError):
    """A recovery point is not to be dealt with again."""

    code = "BA0804"
    sentence = "{arn} is not replayed: {reason}"
    remedy = "See how it stands with `backup-actions status` and its ARN; --again overrules that it was archived."
    exit_code = 2


class RunFailed(BackupActionsError):
    """A run that was waited for did not do what it should."""

    code = "BA0805"
    sentence = "the run {run} of {arn} is {status}: {reason}"
    remedy = "The backup was kept unless the news of it say otherwise; they say what to do, and so does `status`."


# ---------------------------------------------------------------------------------------------- BA09xx: costs


class PricesUnreadable(BackupActionsError):
    """A file of prices is missing, or not of the form that prices have."""

    code = "BA0901"
    sentence = "cannot read the prices in {path}: {reason}"
    remedy = "Write region, as_of and for each price a section with usd, unit and source, as docs/costs.md shows."
    exit_code = 2


class PriceUnknown(BackupActionsError):
    """Something has no price in the region that was asked about."""

    code = "BA0902"
    sentence = "the price of {name} in {region} is not known"
    remedy = "Give it in a file with --prices, as docs/costs.md shows; the prices of these regions are known: {known}."
    exit_code = 2


class TemplateUnreadable(BackupActionsError):
    """A file is not a CloudFormation template as the CDK writes one."""

    code = "BA0903"
    sentence = "{path} is no template of CloudFormation in JSON: {reason}"
    remedy = "Render one with `CDK_OUTDIR=cdk.out python app.py`; it is called after the stack, <name>.template.json."
    exit_code = 2
