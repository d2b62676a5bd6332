"""Image files are decoded by an allow-list, within limits, and every refusal names the file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import DataError
from assay.data import decode
from assay.data.decode import FORMATS, open_image

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8))


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_known_formats_are_decoded(tmp_path, kind):
    path = tmp_path / f"picture.{kind.lower()}"
    PICTURE.save(path, format=kind)
    assert open_image(path).size == (30, 40)


@pytest.mark.parametrize("kind", ["PPM", "EPS", "ICO", "PCX"])
def test_other_formats_are_refused_whatever_they_are_called(tmp_path, kind):
    path = tmp_path / "picture.png"
    PICTURE.save(path, format=kind)
    with pytest.raises(DataError, match=r"picture\.png: not an image that can be read; known: PNG, JPEG"):
        open_image(path)


def test_a_text_file_named_png_is_refused_by_name(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("these are only words")
    with pytest.raises(DataError, match=r"notes\.png: not an image"):
        open_image(path)


@pytest.mark.parametrize("name", ["absent.png", "."])
def test_a_missing_file_or_a_folder_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="no such file"):
        open_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_truncated_image_is_refused(tmp_path, kind):
    buffer = io.BytesIO()
    PICTURE.save(buffer, format=kind)
    path = tmp_path / "half.img"
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DataError, match=r"half\.img"):
        open_image(path)


@pytest.mark.parametrize("side", [8193, 12_000, 60_000], ids=["above ours", "Pillow warns", "Pillow refuses"])
def test_a_huge_image_is_refused_before_decoding(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    with pytest.raises(DataError, match=r"bomb\.png: more than 64 megapixels"):
        open_image(path)


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert open_image(tmp_path / "two.gif").convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_a_large_jpeg_is_decoded_at_a_lower_scale_that_is_still_twice_too_large(tmp_path, monkeypatch):
    output, plain = [], decode.fit
    monkeypatch.setattr(decode, "fit", lambda image, shape: output.append(image.size) or plain(image, shape))
    PICTURE.resize((1600, 1200)).save(tmp_path / "large.jpg")
    result = decode.read_image(tmp_path / "large.jpg", (3, 80, 80))
    assert output == [(400, 300)]  # 1/8 would be 200 x 150, larger than 80 but not twice as large
    assert (result.width, result.height) == (1600, 1200)
    whole = Image.open(tmp_path / "large.jpg").crop((200, 0, 1400, 1200)).resize((80, 80), Image.Resampling.BILINEAR)
    assert np.abs(result.pixels.transpose(1, 2, 0).astype(int) - np.asarray(whole)).mean() < 1


def test_the_picture_of_a_caller_is_not_changed():
    image = PICTURE.copy()
    image.getexif()[0x0112] = 6
    decode.fit(image, (3, 20, 20))
    assert image.size == PICTURE.size
    assert image.getexif()[0x0112] == 6


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MAX_BYTES", 100)
    PICTURE.save(tmp_path / "heavy.png")
    with pytest.raises(DataError, match=r"heavy\.png: more than 0 MiB"):
        open_image(tmp_path / "heavy.png")
