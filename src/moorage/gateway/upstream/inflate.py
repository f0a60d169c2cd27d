"""Answers that come compressed though nobody asked for it, as some proxies do. Pure."""

from __future__ import annotations

import zlib

MOST_BYTES = 64 * 2**20
"""What may come out of the bytes of one read; more is a bomb."""
_KNOWN = (b"gzip", b"x-gzip", b"deflate")


class Inflater:
    """One answer's bytes, as they were before. Raises ValueError for a coding that is not known here and for bytes that are broken."""

    def __init__(self, coding: bytes) -> None:
        if coding.strip() not in _KNOWN:
            raise ValueError(f"compressed with {coding[:20].decode('latin-1')}")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, data: bytes) -> bytes:
        """More bytes; b"" where nothing is certain yet."""
        try:
            out = self._inflate.decompress(data, MOST_BYTES)
        except zlib.error as e:
            raise ValueError(f"its compression is broken: {e}") from e
        if self._inflate.unconsumed_tail:
            raise ValueError(f"more than {MOST_BYTES} bytes come out of {len(data)}")
        return out

    def end(self) -> None:
        """The last byte was fed."""
        if not self._inflate.eof:
            raise ValueError("its compression breaks off")
