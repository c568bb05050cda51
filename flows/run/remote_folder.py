"""A run folder by URL while a run fills it: the lease is kept, and what is new in the working copy is put every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from research.concurrency.outages import Outages
from research.errors import Interruption, InvalidInput, InvalidLocation, SurroundingsFault
from research.storage.lease import LEASE_SECONDS, Lease
from research.storage.location import is_url
from research.storage.objects import StorageFailed
from research.tables.run_folder.finding import find_run
from research.tables.run_folder.mirror import FolderInUse, RunMirror
from research.tables.run_folder.reading_by_url import read_only_copy

PUT_SECONDS: Final = 5.0
"""Between two puts: what a machine that is lost has not put yet."""
RETRY_SECONDS: Final = 1.0
_RENEW_SECONDS: Final = LEASE_SECONDS / 4


def is_remote(folder: str | None) -> bool:
    return folder is not None and is_url(folder)


def local_folder(folder: str, cache_dir: Path) -> Path:
    """A run folder, for reading, as `find_run` finds it; of one by URL its copy in the cache folder, brought up to date.

    Raises:
        InvalidLocation, InvalidRun: there is no run at this URL, or it cannot be read.
    """
    return read_only_copy(folder, cache_dir) if is_url(folder) else find_run(folder)


def open_mirror(url: str, cache_dir: Path) -> RunMirror:
    """A run folder by URL, with its working copy up to date. Writes nothing that stays in the storage.

    Raises:
        InvalidLocation: nothing can be read or written there; says why.
    """
    mirror = RunMirror(url, cache_dir)
    mirror.place.check()
    try:
        with mirror.locked():
            mirror.bring_up_to_date()
    except FolderInUse:  # the plan of a run that goes on may be looked at; `check_free` refuses another
        pass
    except StorageFailed as error:
        raise InvalidLocation(str(error)) from error
    return mirror


def check_free(mirror: RunMirror) -> None:
    """See that no process writes a run by URL.

    Raises:
        InvalidRun: another process, of this machine or another one, writes the run; says which.
        InvalidLocation: the storage does not answer.
    """
    try:
        with mirror.locked():
            mirror.lease().look(mirror.place.check())
    except StorageFailed as error:
        raise InvalidLocation(str(error)) from error


class RemoteFolder:
    """What holds one mirror while a run fills it. `holding` makes it."""

    def __init__(self, mirror: RunMirror, lease: Lease, outages: Outages) -> None:
        self._mirror = mirror
        self._lease = lease
        self._outages = outages
        self._health = outages.service(f"object storage {mirror.url}")
        self._turn = asyncio.Lock()
        self.discarded = False
        """Whether nothing of the run is to be left."""
        self.is_hurried: Callable[[], bool] = lambda: False
        """Whether a person waits for the end, so that the storage is not waited for."""
        self.on_fault: Callable[[Interruption], None] = outages.interrupt
        """Is told once that nothing can be put any more."""

    async def keep_up(self) -> None:
        """Put what is new, now and then, until that cannot be done any more."""
        try:
            while True:
                await asyncio.sleep(PUT_SECONDS)
                await self._put()
        except Interruption as error:
            self.on_fault(error)

    async def keep_lease(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                async with self._turn:
                    await asyncio.to_thread(self._lease.renew)
            except (StorageFailed, InvalidLocation):
                continue  # the next put says so
            except Interruption as error:
                self.on_fault(error)
                return

    async def end(self) -> None:
        """Put the rest, and release the lease.

        Raises:
            Interruption: it cannot be put. What is finished is in the working copy.
        """
        try:
            if self.discarded:
                await asyncio.to_thread(self._mirror.remove)
            else:
                await self._put_rest()
                await asyncio.to_thread(self._lease.release)
        except (StorageFailed, InvalidLocation, Interruption) as error:
            raise self._unfinished(error) from error

    async def _put_rest(self) -> None:
        """Also where the run was interrupted: what interrupted it may be another service."""
        try:
            await asyncio.to_thread(self._renew_and_push)
        except StorageFailed:
            if self.is_hurried():
                raise
            await self._put()

    def _unfinished(self, error: Exception) -> SurroundingsFault:
        return SurroundingsFault(
            f"{str(error).rstrip('.')}. What is finished is kept on this machine, in {self._mirror.path}, and the same command "
            "puts it there",
            place=self._mirror.url,
            setting="--out",
        )

    async def _put(self) -> None:
        """Put what is new. While the storage does not answer, it is waited for like any service.

        Raises:
            Interruption: patience is at its end, or the folder is not ours any more.
        """
        while True:
            async with self._health.attempt() as attempt:
                try:
                    async with self._turn:
                        await asyncio.to_thread(self._renew_and_push)
                except StorageFailed as error:
                    attempt.failed(self, str(error), certain=True)
                except InvalidLocation as error:  # a key that is not valid any more, a bucket that is gone
                    attempt.answered()
                    raise SurroundingsFault(str(error), place=self._mirror.url, setting="--out") from error
                else:
                    attempt.answered()
                    return
            await asyncio.sleep(RETRY_SECONDS)

    def _renew_and_push(self) -> None:
        self._lease.renew()  # nothing is put into a folder that another process has taken over
        self._mirror.push()


@asynccontextmanager
async def holding(mirror: RunMirror | None, outages: Outages) -> AsyncIterator[RemoteFolder | None]:
    """Hold a run folder by URL for writing, for as long as the block lasts. Its working copy is up to date in the block, and what
    the block leaves in it is put at its end, however that ends.

    Raises:
        InvalidRun: another process writes it; says which.
        InvalidLocation: the storage does not answer.
        Interruption: what is finished cannot be put.
    """
    if mirror is None:
        yield None
        return
    with mirror.locked():
        remote = RemoteFolder(mirror, await asyncio.to_thread(_taken, mirror), outages)
        keeping = [asyncio.create_task(remote.keep_up()), asyncio.create_task(remote.keep_lease())]
        try:
            yield remote
        except BaseException:
            await _stopped(keeping)
            with suppress(Interruption):  # the error that ends the run says more
                await remote.end()
            raise
        await _stopped(keeping)
        await remote.end()


async def _stopped(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _taken(mirror: RunMirror) -> Lease:
    try:
        lease = mirror.lease()
        lease.take(mirror.place.check())
        if lease.content_is_ours:
            mirror.adopt()
        else:
            mirror.pull()
            lease.claim_content()
        return lease
    except StorageFailed as error:
        raise InvalidLocation(str(error)) from error


def refuse_batches(url: str) -> None:
    """Refuse batches for a run folder by URL.

    Raises:
        InvalidInput: always; says why.
    """
    raise InvalidInput(
        f"--batch needs a run folder on this disk, and --out is {url}: what a batch costs is due once it is made, so its record "
        "must be safe before. Run it with a local --out, and copy the folder when it is finished."
    )
