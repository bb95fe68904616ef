"""Makes thumbnails of pictures by Pillow. Each takes tenths of a second: run it in a thread."""

import io

from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from .media_types import JPEG, PNG, WEBP
from .pictures import Size, measure
from .thumbnails import Thumbnail

FORMATS = {
    JPEG: JpegImagePlugin.JpegImageFile.format,
    PNG: PngImagePlugin.PngImageFile.format,
    WEBP: WebPImagePlugin.WebPImageFile.format,
}
QUALITY = 80

# What is decoded whole takes 4 bytes a pixel (WEBP five times that); a JPEG of one scan is decoded
# in eighths, and takes next to nothing.
MAX_PIXELS = {JPEG: 64_000_000, PNG: 16_000_000, WEBP: 4_000_000}
MAX_PIXELS_OF_SCANS = 16_000_000  # of a JPEG whose scans are collected before it is decoded
MAX_SCANS = 20  # each takes as long as the whole picture; cameras and programs write about ten
MAX_SIDE = 65_535  # pixels: each row takes memory beside its pixels
STRIP_PIXELS = 1 << 18  # that are converted at a time

MAX_PROFILE_SIZE = 1 << 16  # bytes of a colour profile
PLAIN_MODES = frozenset(("1", "L", "LA", "P", "PA", "RGB", "RGBA"))
USUAL_GAMMA = 1 / 2.2
_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def make_thumbnail(data: bytes, content_type: str, size: int) -> Thumbnail | None:
    """Return the picture so small that it fits into a square of `size` pixels, and upright.

    None stands for a picture that is better sent as it is: it fits already, it is animated, takes
    too much memory, or has colours that would change. A broken file raises what Pillow raises.
    """
    header_size = measure(data, content_type)
    if header_size is None or not _is_bounded(data, content_type, header_size):
        return None
    with Image.open(io.BytesIO(data), formats=(FORMATS[content_type],)) as picture:
        if picture.size != header_size:  # of a second header, which nobody has checked
            return None
        if max(picture.size) <= size or not _is_plain(picture, data):
            return None
        transposition = _TRANSPOSITIONS.get(picture.getexif().get(_ORIENTATION, 1))
        profile = picture.info.get("icc_profile") or b""
        small = _shrink(picture, size)
    upright = small if transposition is None else small.transpose(transposition)
    content = _encode(upright, content_type, profile)
    kind = JPEG if content_type == JPEG else WEBP
    return Thumbnail(content, kind) if len(content) < len(data) else None


def _is_bounded(data: bytes, content_type: str, size: Size) -> bool:
    """Return whether decoding takes little memory and time, by the header and the scans."""
    width, height = size
    scans = data.count(b"\xff\xda") if content_type == JPEG else 1
    limit = MAX_PIXELS[content_type] if scans == 1 else MAX_PIXELS_OF_SCANS
    return max(size) <= MAX_SIDE and width * height <= limit and scans <= MAX_SCANS


def _is_plain(picture: Image.Image, data: bytes) -> bool:
    """Return whether the picture stands still and its colours survive another encoding."""
    info = picture.info
    is_managed = "icc_profile" in info or "srgb" in info
    has_gamma = not is_managed and abs(info.get("gamma", USUAL_GAMMA) - USUAL_GAMMA) > 0.01
    is_large = info.get("progressive") and picture.width * picture.height > MAX_PIXELS_OF_SCANS
    return not (
        getattr(picture, "is_animated", False)
        or picture.mode not in PLAIN_MODES
        or len(info.get("icc_profile") or b"") > MAX_PROFILE_SIZE
        or has_gamma
        or is_large
        or (picture.format == "PNG" and b"cICP" in data[:4096])  # HDR, mostly
    )


def _shrink(picture: Image.Image, size: int) -> Image.Image:
    """Return the pixels alone, made smaller: by whole numbers first, then smoothly."""
    scale = size / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture.draft(picture.mode, (width, height))
    coarse = _reduce(picture, width, height)
    return coarse.resize((width, height), Image.Resampling.LANCZOS)


def _reduce(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Return it at least 1.5 times as large as asked for, converted in strips to save memory."""
    across = max(1, picture.width * 2 // (3 * width))
    down = max(1, picture.height * 2 // (3 * height))
    mode = _mode_of(picture)
    rows = max(1, STRIP_PIXELS // picture.width // down) * down
    reduced = Image.new(mode, (-(-picture.width // across), -(-picture.height // down)))
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        reduced.paste(strip.convert(mode).reduce((across, down)), (0, top // down))
    return reduced


def _mode_of(picture: Image.Image) -> str:
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        return "RGBA"
    return "L" if picture.mode == "L" and picture.format == "JPEG" else "RGB"


def _encode(picture: Image.Image, content_type: str, profile: bytes) -> bytes:
    """JPEG stays JPEG; all else is WEBP, which is small and can be transparent."""
    space = b"GRAY" if picture.mode == "L" else b"RGB "
    kept = profile if profile[16:20] == space else b""
    written = io.BytesIO()
    if content_type == JPEG:
        picture.save(written, "JPEG", quality=QUALITY, icc_profile=kept)
    else:
        picture.save(written, "WEBP", quality=QUALITY, method=2, icc_profile=kept)
    return written.getvalue()
