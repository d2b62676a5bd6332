"""Getting a data set: nothing when it is there, each way in turn, and never anything unverified. No network is used."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from assay.core.errors import AssayError, DataError, UsageError
from assay.data.datasets.dataset import DownloadMirror
from assay.data.datasets.download import download, fetch_dataset, from_debian, from_mirror, get_dataset


def never(dataset):
    raise AssertionError("nothing needed to be fetched")


def unreachable(dataset):
    raise DataError("no network")


def published(toy):
    """A download that gives the right contents."""
    return lambda dataset: {file: toy.contents[file.name] for file in dataset.editions[0].all_files}


def test_what_is_there_is_not_fetched_again(toy):
    for name in toy.contents:
        toy.put(name, packed=True)
    assert fetch_dataset(toy.dataset, toy.root, (never,)) == toy.folder


def test_what_is_missing_is_fetched_and_put_in_place(toy):
    assert fetch_dataset(toy.dataset, toy.root, (published(toy), never)) == toy.folder
    assert sorted(path.name for path in toy.folder.iterdir()) == sorted(toy.contents)
    assert len(toy.dataset.load("test", toy.root)) == 4


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "gz"])
def test_a_damaged_copy_is_replaced(toy, packed):
    for name in toy.contents:
        toy.put(name, b"damaged", packed)
    fetch_dataset(toy.dataset, toy.root, (published(toy),))
    assert len(toy.dataset.load("train", toy.root)) == 8


def test_the_next_download_is_tried_when_one_fails(toy):
    assert fetch_dataset(toy.dataset, toy.root, (unreachable, published(toy))) == toy.folder


def test_without_a_download_one_sentence_says_which_files_to_put_where(toy):
    with pytest.raises(DataError) as error:
        fetch_dataset(toy.dataset, toy.root, (unreachable,))
    message = str(error.value)
    for part in ("no network", "https://example.org/toy/", "train-images, train-labels, test-images, test-labels"):
        assert part in message
    assert str(toy.folder) in message


def test_a_disk_that_refuses_is_not_mistaken_for_a_network_that_does(toy):
    toy.root.joinpath("Toy").write_text("a file where the folder should be")
    with pytest.raises(AssayError, match="cannot write") as error:
        fetch_dataset(toy.dataset, toy.root, (published(toy),))
    assert not isinstance(error.value, DataError)


def test_an_unknown_name_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="did you mean cifar10"):
        get_dataset("cifar-10", tmp_path)


# The mirror


def served(toy):
    return {f"https://example.org/toy/{name}.gz": gzip.compress(content) for name, content in toy.contents.items()}


def test_a_mirror_of_gz_files_gives_their_contents(toy):
    contents = from_mirror(toy.dataset, lambda url, limit: served(toy)[url])
    assert {file.name: content for file, content in contents.items()} == toy.contents


@pytest.mark.parametrize(
    "sent",
    [
        b"<html>please sign in</html>",
        gzip.compress(b"other"),
        gzip.compress(bytes(10**7)),
        b"",
        gzip.compress(bytes(256)),
    ],
    ids=["a web page", "other content", "a bomb", "nothing", "right size"],
)
def test_a_mirror_that_sends_something_else_is_refused(toy, sent):
    with pytest.raises(DataError, match=r"https://example\.org/toy/train-images\.gz"):
        from_mirror(toy.dataset, lambda url, limit: sent)


def tarred(contents, folder="Toy/raw"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {**contents, "../../escaped": b"x"}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def with_archive(toy, archive):
    mirror = DownloadMirror("https://example.org/toy.tar.gz", len(archive), hashlib.md5(archive).hexdigest())
    return replace(toy.dataset, mirror=mirror)


def test_an_archive_gives_the_published_files_and_nothing_else(toy):
    archive = tarred(toy.contents)
    dataset = with_archive(toy, archive)
    fetch_dataset(dataset, toy.root, (lambda dataset: from_mirror(dataset, lambda url, limit: archive),))
    assert sorted(path.name for path in toy.root.rglob("*") if path.is_file()) == sorted(toy.contents)


def test_an_altered_archive_is_refused_unopened(toy):
    archive = tarred(toy.contents)
    altered = archive[:-1] + bytes([archive[-1] ^ 1])
    with pytest.raises(DataError, match=r"toy\.tar\.gz is damaged or altered"):
        from_mirror(with_archive(toy, archive), lambda url, limit: altered)


@pytest.mark.parametrize("url", ["http://example.org/toy", "file:///etc/passwd", "ftp://example.org/toy"])
def test_only_https_is_spoken(url):
    with pytest.raises(DataError, match="is not an https address"):
        download(url, 100)


# Debian's package


class Apt:
    """Stands in for apt-get and dpkg-deb: remembers what was asked, fails as told, unpacks the toy's files."""

    def __init__(self, toy, failures=()):
        self.toy, self.failures, self.asked = toy, list(failures), []

    def __call__(self, command, folder):
        self.asked.append(command[:2])
        if self.failures and self.failures[0] == command[1]:
            self.failures.pop(0)
            raise DataError(f"{command[0]} {command[1]} failed")
        if command[1] == "download":
            (folder / f"{command[2]}_1_all.deb").write_bytes(b"")
        if command[0] == "dpkg-deb":
            target = folder / "usr/share/datasets/toy"
            target.mkdir(parents=True)
            for name, content in self.toy.contents.items():
                (target / f"{name}.gz").write_bytes(gzip.compress(content))


def test_debians_package_gives_its_files(toy):
    apt = Apt(toy)
    contents = from_debian(toy.dataset, apt)
    assert {file.name: content for file, content in contents.items()} == toy.contents
    assert apt.asked == [["apt-get", "download"], ["dpkg-deb", "-x"]]


def test_root_updates_an_empty_list_once(toy, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    apt = Apt(toy, ["download"])
    assert len(from_debian(toy.dataset, apt)) == 4
    assert [words[1] for words in apt.asked] == ["download", "update", "download", "-x"]
    with pytest.raises(DataError, match="apt-get download failed"):
        from_debian(toy.dataset, Apt(toy, ["download", "download"]))


def test_others_do_not_update(toy, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    apt = Apt(toy, ["download"])
    with pytest.raises(DataError, match="apt-get download failed"):
        from_debian(toy.dataset, apt)
    assert apt.asked == [["apt-get", "download"]]


def test_an_altered_package_is_refused(toy):
    toy.contents["test-labels"] = bytes(len(toy.contents["test-labels"]))
    with pytest.raises(DataError, match=r"test-labels\.gz is damaged or altered"):
        from_debian(toy.dataset, Apt(toy))


def test_a_data_set_that_debian_lacks_says_so(toy):
    with pytest.raises(DataError, match="Debian has no package"):
        from_debian(replace(toy.dataset, debian=None), Apt(toy))


def test_a_machine_without_apt_is_a_data_error(toy, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DataError, match="apt-get"):
        from_debian(toy.dataset)
