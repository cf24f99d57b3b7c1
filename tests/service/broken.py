"""Broken pictures of the usual kinds, made from good ones; the same ones in every run."""

import io
import random
import struct
import zlib

from PIL import Image
from server import sample


def encoded(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    """A good picture of this format."""
    picture = Image.open(io.BytesIO(sample("star-2.jpg"))).convert("RGB").resize(size)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]


def truncations() -> list[tuple[str, bytes]]:
    """Every format, cut at a tenth, a half, and a byte before its end."""
    cuts = []
    for kind in FORMATS:
        whole = encoded(kind)
        cuts += [(f"{kind} cut at {length}", whole[:length]) for length in (1, len(whole) // 10, len(whole) // 2, len(whole) - 1)]
    return cuts


def bit_flips(per_format: int = 12) -> list[tuple[str, bytes]]:
    """Every format with one to twenty bits turned."""
    chance = random.Random(20)
    flips = []
    for kind in FORMATS:
        whole = encoded(kind)
        for number in range(per_format):
            broken = bytearray(whole)
            for _ in range(chance.randint(1, 20)):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            flips.append((f"{kind} with turned bits {number}", bytes(broken)))
    return flips


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, color: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def huge() -> bytes:
    """A sound PNG of 60 megapixels, which is less than is refused: 180 MB once it is decoded."""
    return png(30000, 2000, 8, 2, zlib.compress(b"\0" * (3 * 30000 + 1) * 2000, 1))


def bombs() -> list[tuple[str, bytes]]:
    """Small files that claim to be, or really unpack to, far more pixels than a device holds."""
    # 20000 x 20000 grey pixels, all of them there: 400 MB out of some hundred kilobytes.
    row = b"\0" * 20001
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row * 500) for _ in range(40)) + packer.flush()
    jpeg = encoded("JPEG")
    start = jpeg.index(b"\xff\xc0") + 5
    return [
        ("PNG bomb, 400 megapixels", png(20000, 20000, 8, 0, pixels)),
        ("PNG that claims 2^31-1 pixels squared", png(2**31 - 1, 2**31 - 1, 16, 6, zlib.compress(b"\0" * 64))),
        ("PNG of no width", png(0, 10, 8, 2, zlib.compress(b""))),
        ("JPEG that claims 65535 x 65535", jpeg[:start] + b"\xff\xff\xff\xff" + jpeg[start + 4:]),
        ("JPEG of no height", jpeg[:start] + b"\0\0" + jpeg[start + 2:]),
        ("BMP that claims 2^31-1 rows", (bmp := encoded("BMP"))[:22] + b"\xff\xff\xff\x7f" + bmp[26:]),
        ("BMP that claims -2^31 rows", bmp[:22] + b"\0\0\0\x80" + bmp[26:]),
        ("GIF that claims 65535 x 65535", (gif := encoded("GIF"))[:6] + b"\xff\xff\xff\xff" + gif[10:]),
        ("PNM that claims 99999999 x 99999999", b"P6 99999999 99999999 255\n" + b"\0" * 300),
        ("PNM of more digits than a number has", b"P6 " + b"9" * 40 + b" 1 255\n\0\0\0"),
        ("TIFF that points behind its end", (tiff := encoded("TIFF"))[:4] + b"\xf0\xff\xff\x7f" + tiff[8:]),
        ("TIFF that points at itself", tiff[:4] + b"\x00\x00\x00\x00" + tiff[8:]),
    ]


def nonsense() -> list[tuple[str, bytes]]:
    """No pictures at all, or barely."""
    chance = random.Random(21)
    return [
        ("text", b"I am no picture.\n" * 20),
        ("a line of HTML", b"<!doctype html><title>x</title>"),
        ("noise", chance.randbytes(5000)),
        ("zeros", b"\0" * 5000),
        *((f"the magic of {name} and nothing else", magic) for name, magic in [
            ("JPEG", b"\xff\xd8\xff"), ("PNG", b"\x89PNG\r\n\x1a\n"), ("WebP", b"RIFF\xff\xff\xff\xffWEBPVP8 "),
            ("GIF", b"GIF89a"), ("BMP", b"BM"), ("TIFF", b"II*\0"), ("PNM", b"P6\n")]),
        *((f"the magic of {name} and noise", magic + chance.randbytes(3000)) for name, magic in [
            ("JPEG", b"\xff\xd8\xff\xe0"), ("PNG", b"\x89PNG\r\n\x1a\n"), ("WebP", b"RIFF\xff\x0b\0\0WEBPVP8 "),
            ("GIF", b"GIF89a"), ("BMP", b"BM"), ("TIFF", b"II*\0"), ("PNM", b"P6\n")]),
    ]
