"""Where the pictures of documents are: the data folder by default, an S3 bucket by setting."""

from __future__ import annotations

from functools import lru_cache

from moorage.store.pictures.base import PICTURE_NAME, PICTURE_TYPES, PicturePlace, PictureStore, picture_type, pictures_in

__all__ = ["PICTURE_NAME", "PICTURE_TYPES", "PicturePlace", "PictureStore", "open_pictures", "picture_type", "pictures_in"]


@lru_cache(maxsize=8)
def open_pictures(place: PicturePlace) -> PictureStore:
    """The store of a place. Raises ExtraMissing, SettingInvalid."""
    if not place.url:
        from moorage.store.pictures.folder import FolderPictures

        return FolderPictures(place.folder)
    from moorage.store.pictures.s3 import S3Pictures

    return S3Pictures(place)
