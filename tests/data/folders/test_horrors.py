"""A folder of horrors: each file ends as the right pixels, or as one line in the list of bad files.

The right pixels are computed by hand or with numpy. Pictures have the size of the cache, so that nothing is resized.
"""

import io
import os
import struct
import unicodedata

import numpy as np
import pytest
from PIL import Image

from assay.data import decode
from assay.data.folders import file_record
from assay.data.folders.folder import open_folder
from assay.recipes.schema import Data

SIDE = 16
RGB = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
BLACK = Image.new("RGB", (SIDE, SIDE))
HALF = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) < SIDE * SIDE // 2
PHOTO = Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8))
KINDS = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "gif": "GIF", "webp": "WEBP"}


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, KINDS.get(kind, kind), **options)
    return buffer.getvalue()


def scanned(tmp_path, contents, size=SIDE):
    """A folder with these files in class `odd`, and nineteen good ones in `good`, so that few are bad."""
    for place in ("odd", "good"):
        (tmp_path / "photos" / place).mkdir(parents=True, exist_ok=True)
    for i in range(19):
        pixels = np.random.default_rng(100 + i).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/good/{i:02d}.png")
    for name, content in contents.items():
        (tmp_path / "photos/odd" / name).write_bytes(content)
    return open_folder(tmp_path / "photos", (3, size, size), 0.5)


def pixels_of(folder, path):
    """(H, W, C)"""
    return folder.images.images[[entry.path for entry in folder.scan.entries].index(path)].transpose(1, 2, 0)


def gray(values):
    return np.repeat(np.asarray(values, np.uint8)[:, :, None], 3, axis=2)


def white_where(mask, below):
    return np.where(mask[:, :, None], 255, below)


LEVELS = np.linspace(0, 65535, SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint16)
CMYK = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 4), np.uint8)
LAYER = np.dstack([RGB, np.where(HALF, 0, 255).astype(np.uint8)])  # the upper half transparent
INDEXED = Image.fromarray(HALF.astype(np.uint8))
INDEXED.putpalette([200, 0, 0, 0, 0, 200])

RIGHT = {
    "16-bit.png": (encoded(Image.fromarray(LEVELS)), gray(np.round(LEVELS / 257)), 0),
    "16-bit.tif": (encoded(Image.fromarray(LEVELS), "TIFF"), gray(np.round(LEVELS / 257)), 0),
    "1-bit.png": (encoded(Image.fromarray(HALF)), gray(HALF * 255), 0),
    "gray.png": (encoded(Image.fromarray(RGB[:, :, 0])), gray(RGB[:, :, 0]), 0),
    "cmyk.tif": (
        encoded(Image.frombytes("CMYK", (SIDE, SIDE), CMYK.tobytes()), "TIFF"),
        (255 - CMYK[:, :, :3].astype(float)) * (255 - CMYK[:, :, 3:].astype(float)) / 255, 1,
    ),
    "palette.png": (encoded(INDEXED, transparency=1), white_where(HALF, np.array([200, 0, 0])), 0),
    "palette.gif": (encoded(INDEXED, "GIF", transparency=1), white_where(HALF, np.array([200, 0, 0])), 0),
    "half-transparent.png": (encoded(Image.fromarray(LAYER)), white_where(HALF, RGB), 0),
    "half-transparent.webp": (encoded(Image.fromarray(LAYER), "WEBP", lossless=True), white_where(HALF, RGB), 0),
    "gray-alpha.png": (
        encoded(Image.fromarray(np.dstack([RGB[:, :, 0], LAYER[:, :, 3]]))), white_where(HALF, gray(RGB[:, :, 0])), 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_every_kind_of_pixels_becomes_right_rgb(tmp_path, name):
    content, expected, tolerance = RIGHT[name]
    result = scanned(tmp_path, {name: content})
    assert not result.scan.quarantine
    assert np.abs(pixels_of(result, f"odd/{name}").astype(float) - expected).max() <= tolerance


def lab_of(color):
    """CIELAB at D50, as TIFF means it, of an sRGB color: IEC 61966-2-1, Bradford's adaptation, CIE 15."""
    v = np.array(color) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_d50 = [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    t = np.array(to_d50) @ linear / [0.96422, 1.0, 0.82521]
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("color", [(255, 255, 255), (119, 119, 119), (200, 80, 60), (70, 150, 80), (60, 90, 170)])
def test_lab_becomes_srgb(tmp_path, color):
    lightness, a, b = lab_of(color)
    stored = bytes([round(lightness * 2.55), round(a) % 256, round(b) % 256])  # a and b are signed
    image = Image.frombytes("LAB", (SIDE, SIDE), stored * SIDE**2)
    result = scanned(tmp_path, {"lab.tif": encoded(image, "TIFF")})
    assert np.abs(pixels_of(result, "odd/lab.tif").astype(float) - color).max() <= 3  # Lab was rounded too


UPRIGHT = {  # EXIF 2.3, section 4.6.4: how the stored rows and columns are to be turned
    1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1], 4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2), 6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x.transpose(1, 0, 2), 2),
    8: lambda x: np.rot90(x, 1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = scanned(tmp_path, {"turned.png": encoded(Image.fromarray(RGB), exif=exif)})
    assert np.array_equal(pixels_of(result, "odd/turned.png"), UPRIGHT[orientation](RGB))


def test_exif_that_makes_no_sense_turns_nothing(tmp_path):
    result = scanned(tmp_path, {"exif.png": encoded(Image.fromarray(RGB), exif=b"Exif\0\0 nonsense")})
    assert np.array_equal(pixels_of(result, "odd/exif.png"), RGB)


ODD = {
    "animated.gif": (
        encoded(INDEXED, "GIF", save_all=True, append_images=[Image.new("P", (SIDE, SIDE), 0)]),
        np.where(HALF[:, :, None], [0, 0, 200], [200, 0, 0]), "an animation; its first frame is used",
    ),
    "animated.webp": (
        encoded(Image.fromarray(RGB), "WEBP", lossless=True, save_all=True, append_images=[BLACK]),
        RGB, "an animation; its first frame is used",
    ),
    "really-png.jpg": (encoded(Image.fromarray(RGB)), RGB, "a PNG file by its content"),
    "clear.png": (
        encoded(Image.new("RGBA", (SIDE, SIDE), (9, 9, 9, 0))), gray(np.full((SIDE, SIDE), 255)), "all of one color",
    ),
    "dot.png": (
        encoded(Image.new("RGB", (1, 1), (1, 2, 3))), np.tile(np.array([1, 2, 3]), (SIDE, SIDE, 1)), "only 1 x 1 px",
    ),
    "line.png": (
        encoded(Image.fromarray(gray(np.where(abs(np.arange(5000) - 2499.5) < 4, 77, 0)[None]))),
        gray(np.full((SIDE, SIDE), 77)), "5000 x 1 px: only the middle is used",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_suspicious_file_is_used_and_reported(tmp_path, name):
    content, expected, reason = ODD[name]
    result = scanned(tmp_path, {name: content})
    assert np.array_equal(pixels_of(result, f"odd/{name}"), expected)
    assert (f"odd/{name}", reason) in result.scan.suspicious
    assert not result.scan.quarantine


SHARES = (2, 10, 50, 90)
JPEG = encoded(PHOTO, "JPEG", quality=95)
BAD = {
    "empty.jpg": (b"", "an empty file"),
    "text.jpg": (b"these are only words", "not an image that can be read"),
    **{
        f"cut-{share}.jpg": (JPEG[: len(JPEG) * share // 100], "truncated|cannot be opened")
        for share in (2, 10, 50, 90)
    },
    "cut-3-bytes.jpg": (JPEG[:3], "not an image|cannot be opened"),
    "cut.png": (encoded(PHOTO)[:5000], "truncated"),
    "12000.png": (encoded(Image.new("1", (12_000, 12_000))), "more than 64 megapixels"),
    "20000.png": (encoded(Image.new("1", (20_000, 20_000))), "more than 64 megapixels"),
    "long.png": (encoded(Image.new("1", (40_000, 1))), "a side above 30,000 px"),
    "float.tif": (encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"), "no agreed white"),
    "picture.ppm": (encoded(PHOTO, "PPM"), "not an image that can be read"),
    "picture.svg": (b"<svg/>", "not an image that can be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_in_the_quarantine(tmp_path, name, recwarn):
    content, message = BAD[name]
    result = scanned(tmp_path, {name: content, "whole.png": encoded(Image.fromarray(RGB))})
    ((path, reason),) = result.scan.quarantine
    assert path == f"odd/{name}"
    assert any(words in reason for words in message.split("|"))
    assert len(result.images) == 20
    assert np.array_equal(pixels_of(result, "odd/whole.png"), RGB)
    assert not recwarn.list


NAMES = [
    "ünïcödé.png", "猫.png", "😀.png", "two\nlines.png", "\u202egnp.exe.png", "a 'b' \"c\".png", "%s{}.png", "-rf.png",
    *(unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD")),
    "Case.png", "case.png", os.fsdecode(b"\xff.png"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_odd_name_is_no_trouble(tmp_path, name):
    result = scanned(tmp_path, {name: encoded(Image.fromarray(RGB)), f"bad-{name}": b""})
    assert np.array_equal(pixels_of(result, f"odd/{name}"), RGB)
    result.write_lists(tmp_path, result.split(Data()))
    assert len((tmp_path / "quarantine.csv").read_text().splitlines()) == 2


def test_a_file_that_goes_between_listing_and_decoding_is_bad(tmp_path, monkeypatch):
    plain = file_record.read_bytes

    def removing(path):
        if path.name == "gone.png":
            path.unlink()
        return plain(path)

    monkeypatch.setattr(file_record, "read_bytes", removing)
    result = scanned(tmp_path, {"gone.png": encoded(PHOTO), "stays.png": encoded(PHOTO)})
    assert result.scan.quarantine == (("odd/gone.png", "there is no such file"),)


def test_a_file_without_permission_is_bad(tmp_path, monkeypatch):
    def refusing(path, *rest, **options):  # as root nothing is forbidden, so the system's answer is played
        if getattr(path, "name", "") == "secret.png":
            raise PermissionError(13, "Permission denied")
        return path.open(*rest, **options)

    monkeypatch.setattr(decode, "open", refusing, raising=False)
    result = scanned(tmp_path, {"secret.png": encoded(PHOTO)})
    assert result.scan.quarantine == (("odd/secret.png", "cannot be read (Permission denied)"),)


def test_five_thousand_classes_of_one_image(tmp_path):
    pixels = np.random.default_rng(0).bytes(5000 * 192)
    header = b"BM" + struct.pack("<IIIIiiHH24x", 54 + 192, 0, 54, 40, 8, 8, 1, 24)  # 8 x 8, 24 bits, as they come
    for i in range(5000):
        (tmp_path / f"photos/{i:04d}").mkdir(parents=True)
        (tmp_path / f"photos/{i:04d}/1.bmp").write_bytes(header + pixels[192 * i : 192 * (i + 1)])
    result = open_folder(tmp_path / "photos", (3, 8, 8), 0.0)
    assert len(result.images) == len(result.images.class_names) == 5000
    assert np.array_equal(result.images.labels, np.arange(5000))
    assert len(result.split(Data()).train) == 5000  # no class is tested without training images
