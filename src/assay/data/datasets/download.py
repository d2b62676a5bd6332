"""Getting a named data set onto this machine: official mirror, else Debian's package, else a sentence on how to do it.

Nothing unverified is ever put in place, and no path is taken from an archive: the published files are picked by name,
checked against their size and MD5, and written whole.
"""

import io
import os
import subprocess
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from gzip import GzipFile
from pathlib import Path

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.data.datasets.catalog import SOURCES, data_root
from assay.data.datasets.dataset import File, Source

Contents = dict[File, bytes]
Way = Callable[[Source], Contents]  # obtains the verified files of a source's first edition; DataError if it cannot

_TIMEOUT_SECONDS = 30
_MEGABYTE = 2**20
_GZIP_EXTRA = 1024  # bytes that gzip may add to content that does not shrink


def get(name: str, root: Path | None = None) -> Path:
    """The folder that holds the data set, got first if it is not there whole.

    Raises UsageError for an unknown name, DataError when no way leads to it (saying which files to put where), and
    AssayError when the disk refuses.
    """
    return bring(SOURCES[name], root or data_root(), (from_mirror, from_debian))


def bring(source: Source, root: Path, ways: Sequence[Way]) -> Path:
    """Like `get`, for a source and the ways to try in turn."""
    try:
        return source.verify(root)
    except DataError:
        pass  # missing or damaged: get it
    edition = source.editions[0]
    folder = root / edition.folders[0]
    reasons = []
    for way in ways:
        try:
            contents = way(source)
        except DataError as error:
            reasons.append(str(error))
            continue
        for file, content in contents.items():
            atomic_write(folder / file.name, content)  # unpacked: this shadows or replaces a damaged copy
        return source.verify(root)
    names = ", ".join(file.name for file in edition.all_files)
    raise DataError(
        f"{source.name} could not be fetched ({'; '.join(reasons)}). On a machine with a network get "
        f"{source.mirror.url}, and put {names} (or the same as .gz) into {folder}"
    )


def download(url: str, size_limit: int) -> bytes:
    """The bytes behind an https address. Raises DataError when it cannot be had or exceeds `size_limit` bytes."""
    if not url.startswith("https://"):
        raise DataError(f"{url} is not an https address")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
            content = bytes(response.read(size_limit + 1))
    except (OSError, ValueError) as error:  # URLError, timeouts and TLS errors are OSErrors
        raise DataError(f"{url}: {getattr(error, 'reason', None) or error}") from error
    if len(content) > size_limit:
        raise DataError(f"{url} is larger than the {size_limit / _MEGABYTE:.0f} MB that were published")
    return content


def _run(command: list[str], folder: Path) -> None:
    """Run a command in a folder, quietly. Raises DataError with its last line when it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise DataError(f"{' '.join(command[:2])}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")


def from_mirror(source: Source, fetch: Callable[[str, int], bytes] = download) -> Contents:
    """The files from the official mirror; `fetch(url, size_limit)` gives a URL's bytes."""
    mirror, files = source.mirror, source.editions[0].all_files
    if not mirror.archive_md5:
        urls = {file: f"{mirror.url}{file.name}.gz" for file in files}
        return {file: _gunzipped(fetch(url, file.size + _GZIP_EXTRA), file, url) for file, url in urls.items()}
    archive = fetch(mirror.url, mirror.archive_size)
    File(mirror.url, mirror.archive_size, mirror.archive_md5).check(archive, mirror.url)
    return _untarred(archive, source.editions[0].folders[0], files, mirror.url)


def from_debian(source: Source, run: Callable[[list[str], Path], None] = _run) -> Contents:
    """The files from Debian's package, unpacked in a temporary folder: no root rights, nothing installed."""
    if not source.debian:
        raise DataError("Debian has no package of it")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        try:
            run(["apt-get", "download", source.debian], work)
        except DataError:
            if os.name == "nt" or os.geteuid() != 0:
                raise
            run(["apt-get", "update"], work)  # a fresh machine has no list of packages yet
            run(["apt-get", "download", source.debian], work)
        for package in work.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), "."], work)
        return _packaged(source, work)


def _gunzipped(packed: bytes, file: File, url: str) -> bytes:
    try:
        content = GzipFile(fileobj=io.BytesIO(packed)).read(file.size + 1)  # a gzip bomb stops here
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{url} is not whole: {error}") from error
    file.check(content, url)
    return content


def _untarred(archive: bytes, folder: str, files: Sequence[File], url: str) -> Contents:
    contents: Contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for file in files:
            member = tar.extractfile(f"{folder}/{file.name}")
            content = member.read(file.size + 1) if member else b""
            file.check(content, f"{file.name} in {url}")
            contents[file] = content
    return contents


def _packaged(source: Source, work: Path) -> Contents:
    """The files below the folder in which a package was unpacked."""
    contents: Contents = {}
    for file in source.editions[0].all_files:
        found = [path for path in work.rglob(f"{file.name}*") if path.name in (file.name, f"{file.name}.gz")]
        if not found:
            raise DataError(f"Debian's package {source.debian} has no {file.name}")
        contents[file] = file.read(found[0])
    return contents
