"""Downloading a named data set from its official mirror, else from Debian's package.

Nothing unverified is put in place, and no path is taken from an archive: the published files are picked by name,
checked against their size and MD5, and written atomically.
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
from assay.core.folders import data_root
from assay.data.datasets.dataset import File, NamedDataset
from assay.data.datasets.registry import DATASETS

Contents = dict[File, bytes]
Fetch = Callable[[NamedDataset], Contents]  # gets the verified files of the first edition, or raises DataError

_TIMEOUT_SECONDS = 30
_MEGABYTE = 2**20
_GZIP_EXTRA = 1024  # bytes that gzip may add to incompressible content


def get_dataset(name: str, root: Path | None = None) -> Path:
    """The folder of a data set, downloaded first if it is missing or damaged.

    Raises UsageError for an unknown name, DataError if every download fails (with the files to get by hand), and
    AssayError if the disk cannot be written.
    """
    return fetch_dataset(DATASETS[name], root or data_root(), (from_mirror, from_debian))


def fetch_dataset(dataset: NamedDataset, root: Path, attempts: Sequence[Fetch]) -> Path:
    """Like `get_dataset`, with the downloads to try in turn."""
    try:
        return dataset.verify(root)
    except DataError:
        pass  # missing or damaged: download it
    edition = dataset.editions[0]
    folder = root / edition.folders[0]
    reasons = []
    for fetch in attempts:
        try:
            contents = fetch(dataset)
        except DataError as error:
            reasons.append(str(error))
            continue
        for file, content in contents.items():
            atomic_write(folder / file.name, content)  # unpacked, it hides or replaces a damaged copy
        return dataset.verify(root)
    names = ", ".join(file.name for file in edition.all_files)
    raise DataError(
        f"{dataset.name} could not be fetched ({'; '.join(reasons)}). On a machine with a network get "
        f"{dataset.mirror.url}, and put {names} (or the same as .gz) into {folder}"
    )


def download(url: str, size_limit: int) -> bytes:
    """The content of an https URL. Raises DataError if the download fails or exceeds `size_limit` bytes."""
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
    """Run a command in a folder, quietly. Raises DataError with its last line if it fails or does not exist."""
    try:
        process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{command[0]}: {error}") from error
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["failed"]
        raise DataError(f"{' '.join(command[:2])}: {lines[-1]}")


def from_mirror(dataset: NamedDataset, fetch: Callable[[str, int], bytes] = download) -> Contents:
    """Get the files from the official mirror; `fetch(url, size_limit)` downloads a URL."""
    mirror, files = dataset.mirror, dataset.editions[0].all_files
    if not mirror.archive_md5:
        urls = {file: f"{mirror.url}{file.name}.gz" for file in files}
        return {file: _unzip(fetch(url, file.size + _GZIP_EXTRA), file, url) for file, url in urls.items()}
    archive = fetch(mirror.url, mirror.archive_size)
    File(mirror.url, mirror.archive_size, mirror.archive_md5).check(archive, mirror.url)
    return _untar(archive, dataset.editions[0].folders[0], files, mirror.url)


def from_debian(dataset: NamedDataset, run: Callable[[list[str], Path], None] = _run) -> Contents:
    """Get the files from Debian's package, unpacked in a temporary folder: needs no root, installs nothing."""
    if not dataset.debian:
        raise DataError("Debian has no package of it")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        try:
            run(["apt-get", "download", dataset.debian], work)
        except DataError:
            if os.name == "nt" or os.geteuid() != 0:
                raise
            run(["apt-get", "update"], work)  # a fresh machine has no package lists yet
            run(["apt-get", "download", dataset.debian], work)
        for package in work.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), "."], work)
        return _collect(dataset, work)


def _unzip(archive: bytes, file: File, url: str) -> bytes:
    try:
        content = GzipFile(fileobj=io.BytesIO(archive)).read(file.size + 1)  # a gzip bomb stops here
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{url} is not whole: {error}") from error
    file.check(content, url)
    return content


def _untar(archive: bytes, folder: str, files: Sequence[File], url: str) -> Contents:
    contents: Contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for file in files:
            member = tar.extractfile(f"{folder}/{file.name}")
            content = member.read(file.size + 1) if member else b""
            file.check(content, f"{file.name} in {url}")
            contents[file] = content
    return contents


def _collect(dataset: NamedDataset, work: Path) -> Contents:
    """The files of a package that was unpacked below `work`."""
    contents: Contents = {}
    for file in dataset.editions[0].all_files:
        paths = [path for path in work.rglob(f"{file.name}*") if path.name in (file.name, f"{file.name}.gz")]
        if not paths:
            raise DataError(f"Debian's package {dataset.debian} has no {file.name}")
        contents[file] = file.read(paths[0])
    return contents
