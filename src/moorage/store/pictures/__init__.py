"""Where the pictures of documents are: the data folder by default, an S3 bucket by setting."""

from __future__ import annotations

from functools import lru_cache

from moorage.store.blobs import Blobs
from moorage.store.pictures.base import PICTURE_TYPES, PicturePlace, PictureStore, picture_type

__all__ = ["PICTURE_TYPES", "PicturePlace", "PictureStore", "open_pictures", "picture_type"]


@lru_cache(maxsize=8)
def open_pictures(place: PicturePlace) -> PictureStore:
    """The store of a place. Raises ExtraMissing, SettingInvalid."""
    if not place.url:
        return Blobs(place.folder)
    from moorage.store.pictures.s3 import S3Pictures

    return S3Pictures(place)
