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
from hashing.fingerprint.similarity import Framing
from hashing.indexing.similar_rows import similar_rows
from hashing.models import ImageAsset
from hashing.uploads import hash_uploaded_picture

__all__ = ["SimilarPictureValidator", "SimilarRowsMixin"]

MAX_SIMILAR_ROWS = 50


class SimilarPictureValidator:
    """Validator for a file field of a serializer that refuses a picture if some row has it already.

    The field must refuse files that cannot be decoded. A file that is too much for the limits of a page is accepted
    without a search. The row that the serializer changes is not searched.
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
        except (ValueError, OSError):
            return
        rows = similar_rows(self.queryset, picture, self.max_distance, any_orientation=self.any_orientation)
        instance = getattr(field.parent, "instance", None)
        if isinstance(instance, rows.model):
            rows = rows.exclude(pk=instance.pk)
        if rows.exists():
            raise serializers.ValidationError(self.message, code=self.code)


class PictureField(serializers.FileField):  # type: ignore[misc]
    """A picture to search by. Its value is an unsaved `ImageAsset` with the hashes; the file is not kept."""

    default_error_messages = {"invalid_image": _("This file cannot be used as a picture: {reason}.")}

    def to_internal_value(self, data: Any) -> ImageAsset:
        upload: UploadedFile[Any] = super().to_internal_value(data)
        try:
            return hash_uploaded_picture(upload)
        except (ValueError, OSError) as error:
            self.fail("invalid_image", reason=str(error).removeprefix("Failed to process image: "))
            raise


class SimilarQuerySerializer(serializers.Serializer):  # type: ignore[misc]
    """The options of a search."""

    max_distance = serializers.IntegerField(min_value=0, required=False, default=None)
    any_orientation = serializers.BooleanField(required=False, default=False)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_SIMILAR_ROWS, required=False, default=10)

    def validate_max_distance(self, value: int | None) -> int | None:
        """Refuse a larger distance than the site's: the search would take longer and find different pictures."""
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

    The response has the `distance`, the `framing` and the `row` of the nearest rows that `get_queryset()` and the
    filters of the viewset allow, with the viewset's permissions, throttles and serializer.
    """

    @action(detail=False, methods=["get"])  # type: ignore[untyped-decorator]
    def similar(self: Any, request: Request) -> Response:
        options = LikeSerializer(data=request.query_params)
        options.is_valid(raise_exception=True)
        row = get_object_or_404(self.get_queryset(), **{self.lookup_field: options.validated_data.pop("like")})
        self.check_object_permissions(request, row)
        return self._similar_response(row, options.validated_data)

    @similar.mapping.post  # type: ignore[untyped-decorator]
    def similar_to_picture(self: Any, request: Request) -> Response:
        options = PictureSerializer(data=request.data)
        options.is_valid(raise_exception=True)
        return self._similar_response(options.validated_data.pop("picture"), options.validated_data)

    def _similar_response(self: Any, picture: Any, options: dict[str, Any]) -> Response:
        limit = options.pop("limit")
        rows = similar_rows(self.filter_queryset(self.get_queryset()), picture, **options)[:limit]
        found = list(rows)
        shown = self.get_serializer(found, many=True).data
        return Response(
            [
                {"distance": row.distance, "framing": Framing(row.picture_framing).name.lower(), "row": each}
                for row, each in zip(found, shown, strict=True)
            ]
        )
