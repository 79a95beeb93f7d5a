"""For sites with Django REST framework: say that an uploaded picture is already here, and search by one."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from hashing.conf import hashing_settings
from hashing.indexing.similar_rows import similar_rows
from hashing.models import ImageAsset
from hashing.uploads import hash_uploaded_picture

MAX_SIMILAR_ROWS = 50


class SimilarPictureValidator:
    """Validator of a file field of a serializer: refuses a picture that is already among some rows.

    What cannot be decoded is left to the field. The row that the serializer changes is not searched.
    """

    requires_context = True
    message: Any = _("The same picture seems to be here already.")
    code = "similar_picture"

    def __init__(
        self,
        queryset: QuerySet[Any],
        max_distance: int | None = None,
        *,
        any_orientation: bool = False,
        message: str | None = None,
    ) -> None:
        self.queryset, self.max_distance, self.any_orientation = queryset, max_distance, any_orientation
        self.message = message or self.message

    def __call__(self, upload: Any, field: serializers.Field) -> None:
        try:
            picture = hash_uploaded_picture(upload)
        except (ValueError, MemoryError, OSError):
            return
        rows = similar_rows(self.queryset, picture, self.max_distance, any_orientation=self.any_orientation)
        instance = getattr(field.parent, "instance", None)
        if isinstance(instance, rows.model):
            rows = rows.exclude(pk=instance.pk)
        if rows.exists():
            raise serializers.ValidationError(self.message, code=self.code)


class PictureField(serializers.FileField):  # type: ignore[misc]
    """A picture to search by, as an unsaved `ImageAsset` with its hashes; nothing of the file is kept."""

    default_error_messages = {"invalid_image": _("This file cannot be used as a picture: {reason}.")}

    def to_internal_value(self, data: Any) -> ImageAsset:
        upload: UploadedFile[Any] = super().to_internal_value(data)
        try:
            return hash_uploaded_picture(upload)
        except (ValueError, MemoryError, OSError) as error:
            self.fail("invalid_image", reason=str(error).removeprefix("Failed to process image: "))
            raise


class SimilarQuerySerializer(serializers.Serializer):  # type: ignore[misc]
    """What may be asked, besides the picture."""

    max_distance = serializers.IntegerField(min_value=0, required=False, default=None)
    any_orientation = serializers.BooleanField(required=False, default=False)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_SIMILAR_ROWS, required=False, default=10)

    def validate_max_distance(self, value: int | None) -> int | None:
        """A search within a larger distance than the site's own takes longer, and finds other pictures."""
        largest = hashing_settings().MAX_DISTANCE
        if value is not None and value > largest:
            message = serializers.IntegerField.default_error_messages["max_value"]
            raise serializers.ValidationError(message.format(max_value=largest), code="max_value")
        return value


class LikeSerializer(SimilarQuerySerializer):
    like = serializers.CharField()


class PictureSerializer(SimilarQuerySerializer):
    picture = PictureField()


class SimilarRowsMixin:
    """Adds `similar/` to a viewset of a source: `GET ?like=<key of a row>`, or `POST` with a file as `picture`.

    The answer has a `distance` and a `row` for each of the nearest rows, of those that `get_queryset()` and the filters
    of the viewset give. Its permissions, throttles and serializer are those of the viewset.
    """

    @action(detail=False, methods=["get"])  # type: ignore[untyped-decorator]
    def similar(self: Any, request: Request) -> Response:
        asked = LikeSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        row = get_object_or_404(self.get_queryset(), **{self.lookup_field: asked.validated_data.pop("like")})
        self.check_object_permissions(request, row)
        return self._similar_response(row, asked.validated_data)

    @similar.mapping.post  # type: ignore[untyped-decorator]
    def similar_to_picture(self: Any, request: Request) -> Response:
        asked = PictureSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._similar_response(asked.validated_data.pop("picture"), asked.validated_data)

    def _similar_response(self: Any, picture: Any, asked: dict[str, Any]) -> Response:
        limit = asked.pop("limit")
        rows = similar_rows(self.filter_queryset(self.get_queryset()), picture, **asked)[:limit]
        found = list(rows)
        shown = self.get_serializer(found, many=True).data
        return Response([{"distance": row.distance, "row": each} for row, each in zip(found, shown, strict=True)])
